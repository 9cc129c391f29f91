"""A ZooKeeper session for our own recipes: kazoo as transport only, without its recipes and without its retries.

How a request ends: with a reply (a value, or an exception of the server's, passed on); Refused when it was certainly
not sent or not executed (no connection, session expired); Indeterminate when the connection was lost or the time limit
passed while it was on the wire. Only the *connection* is tried again by itself, as often as needed.

Source: ZooKeeper Programmer's Guide, "ZooKeeper Sessions"; kazoo's ``client.py`` (a request issued while the
connection is down is queued and would be sent later, so nothing is issued then).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import Any

from nuclei.locks.base import Indeterminate, Refused, Surroundings

CLOSE_LIMIT = 0.9
DEFAULT_SESSION = 4.0
DEFAULT_OP_TIMEOUT = 1.0


ONE_NODE = "lock"
"""The name of the node that all contenders create, in recipes with one node: it says nothing about its owner."""


def lock_path(key: str) -> str:
    """The parent node of a lock: one level below the root, whatever the key looks like."""
    return "/" + key.strip("/").replace("/", "-")


def addresses(surroundings: Surroundings) -> list[str]:
    """``host:port`` at which this client reaches each server."""
    places = [surroundings.endpoints[name] for name in surroundings.nodes["zookeeper"]]
    return [f"{place.host}:{place.port}" for place in places]


class SessionOver(Refused):
    """The server said that the session has expired: nothing was executed, and its ephemeral nodes are gone."""


class ZkSession:
    """One client's session. ``on_break(state)`` is called from kazoo's thread when the connection is SUSPENDED or the
    session LOST, before any request can notice a new connection; it must not block.

    ``breaks`` counts these events, so that "was the session whole from there to here?" is a comparison.
    """

    def __init__(self, surroundings: Surroundings, random: Random, on_break: Callable[[str], None]) -> None:
        self.timeout = surroundings.number("op_timeout", DEFAULT_OP_TIMEOUT)
        self.breaks = 0
        self._session = surroundings.number("session", DEFAULT_SESSION)
        self._on_break = on_break
        self._up = threading.Event()
        places = addresses(surroundings)
        random.shuffle(places)
        self._hosts = ",".join(places)
        self._client: Any = None

    def open(self) -> None:
        """Open a session. Raises Refused when no server gives one within the time of two requests."""
        from kazoo.client import KazooClient
        from kazoo.retry import KazooRetry

        client = self._client = KazooClient(
            hosts=self._hosts,
            timeout=self._session,
            randomize_hosts=False,
            connection_retry=KazooRetry(max_tries=-1, delay=0.05, backoff=1.5, max_jitter=0.4, max_delay=0.3),
            command_retry=KazooRetry(max_tries=0),
        )
        client.add_listener(lambda state: self._state_changed(client, state))
        client.start_async()
        if not self._up.wait(2 * self.timeout):
            self.close()
            raise Refused(f"no ZooKeeper server opened a session within {2 * self.timeout} s")

    @property
    def connected(self) -> bool:
        """Whether the session is connected now, as far as this client knows."""
        return self._up.is_set()

    def wait_connected(self, seconds: float) -> bool:
        """Wait until it is connected; whether it is."""
        return self._up.wait(max(0.0, seconds))

    # ---- requests

    def create(self, path: str, value: bytes, *, ephemeral: bool = True, sequence: bool = True) -> tuple[str, int]:
        """Create a node; its full path and its czxid. Raises kazoo's NodeExistsError and NoNodeError (no parent)."""
        made, stat = self._ask(
            "create",
            lambda: self._client.create_async(path, value, ephemeral=ephemeral, sequence=sequence, include_data=True),
        )
        return made, stat.czxid

    def ensure(self, path: str) -> None:
        """Create a persistent node unless it is there."""
        self._ask("create", lambda: self._client.ensure_path_async(path))

    def children(self, path: str) -> list[str]:
        """The names of a node's children, in no order."""
        return list(self._ask("getChildren", lambda: self._client.get_children_async(path)))

    def read(self, path: str) -> tuple[bytes, int] | None:
        """A node's value and the version of that (0 at its birth, one more with each write); None when it is not
        there."""
        from kazoo.exceptions import NoNodeError

        try:
            value, stat = self._ask("getData", lambda: self._client.get_async(path))
        except NoNodeError:
            return None
        return value, stat.version

    def write_with(self, node: str, path: str, value: bytes, version: int, *, delete: bool) -> bool:
        """In one transaction: ``node`` is there (``delete``: and is deleted), ``path`` has ``version`` and is written.
        False when either was not so; then nothing happened."""
        transaction = self._client.transaction()
        if delete:
            transaction.delete(node)
        else:
            transaction.check(node, -1)
        transaction.set_data(path, value, version)
        said = self._ask("multi", transaction.commit_async)
        return not any(isinstance(each, Exception) for each in said)

    def watch(self, path: str, woken: Callable[[Any], None]) -> bool:
        """Whether the node exists; ``woken`` is called once when that changes, or when the connection breaks."""
        return self._ask("exists", lambda: self._client.exists_async(path, watch=woken)) is not None

    def delete(self, path: str) -> bool:
        """Delete a node; False when it is not there."""
        from kazoo.exceptions import NoNodeError

        try:
            self._ask("delete", lambda: self._client.delete_async(path))
        except NoNodeError:
            return False
        return True

    def close(self) -> None:
        """Close the session if the servers can be told within a second; otherwise it ends by its timeout."""
        client, self._client = self._client, None
        self._up.clear()
        if client is not None:
            close_client(client)

    # ---- within

    def _ask(self, what: str, start: Callable[[], Any]) -> Any:
        from kazoo.exceptions import ConnectionClosedError, ConnectionLoss, OperationTimeoutError, SessionExpiredError

        client = self._client
        if client is None or not self._up.is_set():
            raise Refused(f"{what} was not sent: not connected to ZooKeeper")
        try:
            return start().get(timeout=self.timeout)
        except SessionExpiredError as error:
            raise SessionOver(f"{what}: the session has expired") from error
        except (ConnectionLoss, ConnectionClosedError, OperationTimeoutError) as error:
            raise Indeterminate(f"{what}: connection lost with the request on the wire") from error
        except client.handler.timeout_exception as error:
            raise Indeterminate(f"{what}: no reply within {self.timeout} s") from error

    def _state_changed(self, client: Any, state: str) -> None:
        """Kazoo's thread. What a client that was given up has to say does not count."""
        if client is not self._client:
            return
        if state == "CONNECTED":
            self._up.set()
            return
        self._up.clear()
        self.breaks += 1
        self._on_break(state)


def close_client(client: Any) -> None:
    """End a kazoo client and its session if the servers can be told in time; otherwise the session ends by itself."""
    closing = threading.Thread(target=_stop, args=(client,), name="zk-close", daemon=True)
    closing.start()
    closing.join(CLOSE_LIMIT)


def _stop(client: Any) -> None:
    try:
        client.stop()
        client.close()
    except Exception:  # a session that cannot be closed in order ends by its timeout: nothing is left to do
        return
