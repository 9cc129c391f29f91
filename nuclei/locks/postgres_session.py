"""One session with PostgreSQL for our own locks: a time limit on every answer, and an exact answer to "did it happen?".

pg8000 sends a statement once, over a socket that is ours: so its time limit can be that of each statement, and a closed
connection is seen without sending anything. How a statement ends: with its rows; nothing was sent (no server, a session
found ended): Refused; the server said that it was not executed (:data:`NOT_DONE`): Refused; sent, and the connection
was lost or the time passed: Indeterminate; any other error of the server's: itself.
"""

from __future__ import annotations

import hashlib
import select
import socket
import struct
from typing import Any

from nuclei.locks.base import Endpoint, Indeterminate, Refused

LOCK_TIMEOUT = "55P03"
NOT_DONE = {LOCK_TIMEOUT, "57P03", "53300"}
"""SQLSTATEs of refusals: a lock was not to be had in time; the server is starting; it has too many sessions."""
_ENDED = "57P"
"""What the server says when it ends a session: shut down, crashed, idle for too long."""


def advisory_key(key: str) -> int:
    """The 64-bit number of an advisory lock: the first bytes of a digest of its name."""
    return int(struct.unpack(">q", hashlib.sha256(key.encode()).digest()[:8])[0])


class PostgresSession:
    """Opened when needed, dropped after any error. ``timeout``: seconds that connecting may take, and an answer beyond
    what its statement waits for. ``idle``: seconds of silence after which the server is to end it, 0 for never. Not for
    use by several threads."""

    def __init__(self, endpoint: Endpoint, timeout: float, *, idle: float = 0.0) -> None:
        self._endpoint = endpoint
        self._settings = {"idle_session_timeout": f"{idle * 1000:.0f}"}
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._connection: Any = None

    def ready(self) -> None:
        """Have a session. Raises Refused: nothing of the caller's was sent."""
        if self.lives():
            return
        self.close()
        from pg8000.exceptions import DatabaseError, InterfaceError
        from pg8000.native import Connection

        place = (self._endpoint.host, self._endpoint.port)
        try:
            self._socket = socket.create_connection(place, self._timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = Connection(
                "postgres", host=None, database="postgres", sock=self._socket, startup_params=self._settings
            )
        except (OSError, InterfaceError, DatabaseError, struct.error) as error:
            self.close()
            raise Refused(f"no session with {place[0]}:{place[1]}: {error}") from error

    def lives(self) -> bool:
        """Whether there is a session that its server has not ended, as far as is known here."""
        if self._connection is None or self._socket is None:
            return False
        readable, _, _ = select.select([self._socket], [], [], 0)
        return not readable

    def ask(self, sql: str, wait: float = 0.0, **values: Any) -> list[list[Any]]:
        """One statement and its rows; ``wait``: seconds it may wait for a lock. Raises Refused, Indeterminate."""
        from pg8000.exceptions import DatabaseError, InterfaceError

        self.ready()
        assert self._socket is not None
        try:
            self._socket.settimeout(self._timeout + wait)
            return list(self._connection.run(sql, **values) or [])
        except DatabaseError as error:
            code = str(error.args[0].get("C", "")) if error.args and isinstance(error.args[0], dict) else ""
            if code in NOT_DONE:
                raise Refused(f"{code}: {error.args[0].get('M', '')}") from error
            self.close()
            if not code.startswith(_ENDED):
                raise
            raise Indeterminate(f"the server ended the session: {error.args[0].get('M', '')}") from error
        except (OSError, InterfaceError, struct.error) as error:
            self.close()
            raise Indeterminate(f"a statement was sent, but no answer came: {error}") from error

    def close(self) -> None:
        """Drop the connection without a word: closing in order would wait for a server that does not listen."""
        self._connection = None
        used, self._socket = self._socket, None
        if used is not None:
            try:
                used.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            used.close()
