"""A connection to memcached for our own locks: pymemcache with explicit limits, and an exact answer to "did the server
get it?".

pymemcache sends a command once. How one ends: with a reply, returned; nothing was sent (no server, a connection found
dead before sending): Refused; sent, and the connection was lost or the time limit passed: Indeterminate.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from nuclei.locks.base import Endpoint, Indeterminate, Refused


class MemcachedConnection:
    """Opened when needed, dropped after any error. ``timeout``: seconds a connection attempt or a reply may take. Not
    for use by several threads."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._client: Any = None

    def ready(self) -> None:
        """Be connected to a server that answers. Raises Refused: nothing of the caller's was sent."""
        if self._client is not None and not _ended(self._client):
            return
        self.close()
        from pymemcache.client.base import Client

        client = Client(
            (self._endpoint.host, self._endpoint.port),
            connect_timeout=self._timeout,
            timeout=self._timeout,
            no_delay=True,
        )
        try:
            client.version()
        except Exception as error:  # it asked for nothing that would change anything
            client.close()
            raise Refused(f"{self._endpoint.host}:{self._endpoint.port} does not answer: {error}") from error
        self._client = client

    def ask(self, command: str, send: Callable[[Any], Any]) -> Any:
        """One command (its name is for messages) through the client, and its reply. Raises Refused, Indeterminate."""
        from pymemcache.exceptions import MemcacheUnexpectedCloseError

        self.ready()
        try:
            return send(self._client)
        except (OSError, MemcacheUnexpectedCloseError) as error:
            self.close()
            raise Indeterminate(f"{command} was sent, but no reply came: {error!r}") from error

    def close(self) -> None:
        """Drop the connection; the next command opens another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _ended(client: Any) -> bool:
    """Whether an idle connection was closed by the other side (or has something nobody asked for to say)."""
    if client.sock is None:
        return True
    readable, _, _ = select.select([client.sock], [], [], 0)
    return bool(readable)
