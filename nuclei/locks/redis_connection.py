"""One connection to the Redis server in charge, for our own locks and the ledger: no retries, explicit limits, and an
exact answer to "did the server get it?".

redis-py repeats commands by default (10 times, 5 s each), which would repeat an acquire behind the recorder; so its
lowest layer is used, ``redis.connection.Connection``, with retries off. How a command ends:

* a reply: returned;
* nothing was sent (no server, no primary, a connection found dead before sending): :class:`Refused`;
* the server said it did not execute it (:data:`UNEXECUTED`): :class:`Refused`;
* sent, and the connection was lost or the time limit passed: :class:`Indeterminate`;
* any other error reply: the exception itself, because then we do not know what we are doing.

Sources: WIRING §7; Redis manual, "Sentinel clients" (ask a sentinel, connect, check ROLE) and "Redis serialization
protocol" (error prefixes); Redis ``server.c``, ``processCommand`` (refusals before execution).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nuclei.locks.base import Endpoint, Indeterminate, LockError, Refused, Surroundings

if TYPE_CHECKING:
    from redis.connection import Connection

# fmt: off
UNEXECUTED = frozenset({
    "READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS", "MISCONF", "OOM", "BUSY", "NOSCRIPT", "NOAUTH", "NOPERM",
    "CLUSTERDOWN", "MOVED", "ASK", "TRYAGAIN",
})
# fmt: on
"""First words of error replies with which a server refuses before executing anything (the scripts of our locks write
in their last command only, so a refusal inside them has written nothing either)."""

ELSEWHERE = frozenset({"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "MOVED", "ASK"})
"""Those after which the server in charge must be looked for again."""

_CODES = {
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "MasterDownError": "MASTERDOWN",
    "OutOfMemoryError": "OOM",
    "NoScriptError": "NOSCRIPT",
    "AuthenticationError": "NOAUTH",
    "NoPermissionError": "NOPERM",
    "ClusterDownError": "CLUSTERDOWN",
    "MovedError": "MOVED",
    "AskError": "ASK",
    "TryAgainError": "TRYAGAIN",
}
"""redis-py strips the code from these replies and keeps it as the class."""


def refusal_code(error: Exception) -> str | None:
    """The code with which a server refused before executing, or None for anything else.

    Redis before 7 wraps an error of a script's command: ``ERR Error running script (...): -READONLY You can't ...``.
    """
    code = _CODES.get(type(error).__name__)
    if code is not None:
        return code
    text = str(error)
    for word in (text.partition(" ")[0], *(part.partition(" ")[0] for part in text.split(": -")[1:])):
        if word in UNEXECUTED:
            return word
    return None


class RedisConnection:
    """A connection to whatever server ``find`` names, opened when needed and dropped after any error.

    ``timeout``: seconds a connection attempt or a reply may take. ``find`` may be asked by others as well, who want a
    connection of another kind to that server. ``opened``: how many connections there were so far; what a server keeps
    per connection is lost when it grows. Not for use by several threads.
    """

    def __init__(self, find: Callable[[], Endpoint], timeout: float) -> None:
        self.find = find
        self._timeout = timeout
        self._connection: Connection | None = None
        self.opened = 0

    def ready(self) -> None:
        """Be connected to a server that says it is the primary. Raises Refused: nothing of the caller's was sent."""
        if self._connection is not None:
            if not _ended(self._connection):
                return
            self.close()
        endpoint = self.find()
        connection = open_connection(endpoint, self._timeout)
        try:
            role = exchange(connection, "ROLE")[0]
        except LockError as error:
            connection.disconnect()
            raise Refused(f"{endpoint.host}:{endpoint.port} did not say its role: {error}") from error
        if role != "master":
            connection.disconnect()
            raise Refused(f"{endpoint.host}:{endpoint.port} is a {role}, not a primary")
        self._connection = connection
        self.opened += 1

    def command(self, *words: str | int) -> Any:
        """Send one command, once, and return its reply. Raises Refused or Indeterminate as described above."""
        self.ready()
        assert self._connection is not None
        try:
            return exchange(self._connection, *words)
        except Indeterminate:
            self.close()
            raise
        except Refused as refusal:
            if str(refusal).partition(" ")[0] in ELSEWHERE:
                self.close()
            raise

    def close(self) -> None:
        """Drop the connection; the next command opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()


def open_connection(endpoint: Endpoint, timeout: float) -> Connection:
    """A connected connection that sends nothing by itself. Raises Refused."""
    from redis.backoff import NoBackoff
    from redis.connection import Connection
    from redis.exceptions import RedisError
    from redis.retry import Retry

    connection = Connection(
        host=endpoint.host,
        port=endpoint.port,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        decode_responses=True,
        protocol=2,
        **_anonymous(),
    )
    try:
        connection.connect()
    except RedisError as error:
        raise Refused(f"cannot connect to {endpoint.host}:{endpoint.port}: {error}") from error
    return connection


def _anonymous() -> dict[str, None]:
    """What keeps redis-py from sending CLIENT SETINFO on every new connection; the name of it changed."""
    from importlib.util import find_spec

    return {"driver_info": None} if find_spec("redis.driver_info") else {"lib_name": None, "lib_version": None}


def exchange(connection: Connection, *words: str | int) -> Any:
    """One command and its reply on an open connection."""
    from redis.exceptions import ConnectionError as Lost
    from redis.exceptions import ResponseError
    from redis.exceptions import TimeoutError as Late

    try:
        connection.send_command(*words)
        return connection.read_response()
    except (ResponseError, Lost, Late) as error:
        code = refusal_code(error)
        if code is not None:
            raise Refused(f"{code} {error}") from error
        if isinstance(error, ResponseError):
            raise
        raise Indeterminate(f"{words[0]} was sent, but no reply came: {error}") from error


def _ended(connection: Connection) -> bool:
    """Whether an idle connection was closed by the other side (or has something nobody asked for to say)."""
    try:
        return bool(connection.can_read(timeout=0))
    except Exception:  # redis-py raises various errors for a closed connection, all of which mean just that
        return True


def one_server(endpoint: Endpoint) -> Callable[[], Endpoint]:
    """Always the same server."""
    return lambda: endpoint


def by_sentinels(
    sentinels: Sequence[tuple[str, Endpoint]], book: Mapping[str, Endpoint], master: str, timeout: float
) -> Callable[[], Endpoint]:
    """Ask the sentinels in turn, beginning with the one that answered last, where the primary is.

    ``book``: announced ``host:port`` → where this client reaches it. Raises Refused when none of them knows.
    """
    order = list(sentinels)

    def find() -> Endpoint:
        seen: list[str] = []
        for place in list(order):
            name, endpoint = place
            try:
                connection = open_connection(endpoint, timeout)
                try:
                    answer = exchange(connection, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", master)
                finally:
                    connection.disconnect()
            except LockError as error:
                seen.append(f"{name}: {error}")
                continue
            if answer is None:
                seen.append(f"{name} knows no {master}")
                continue
            announced = f"{answer[0]}:{answer[1]}"
            if announced not in book:
                seen.append(f"{name} says {announced}, which is not in this client's address book")
                continue
            order.remove(place)
            order.insert(0, place)
            return book[announced]
        raise Refused(f"no sentinel named a primary that can be reached ({'; '.join(seen)})")

    return find


def connection_for(surroundings: Surroundings, key: str) -> RedisConnection:
    """The connection a lock on ``key`` uses in its cluster: to the master of the key's slot in a Redis Cluster, through
    Sentinel where there are sentinels, else to the one server."""
    from nuclei.locks.redis_slots import ROLE, by_slot

    timeout = surroundings.number("op_timeout", 0.5)
    if ROLE in surroundings.nodes:
        places = [(name, surroundings.endpoints[name]) for name in surroundings.nodes[ROLE]]
        return RedisConnection(by_slot(places, surroundings.address_book, key, timeout), timeout)
    sentinels = surroundings.nodes.get("sentinel", [])
    if sentinels:
        places = [(name, surroundings.endpoints[name]) for name in sentinels]
        master = str(surroundings.settings.get("master_name", "mymaster"))
        return RedisConnection(by_sentinels(places, surroundings.address_book, master, timeout), timeout)
    servers = surroundings.nodes.get("redis", [])
    if len(servers) != 1:
        raise ValueError(f"{surroundings.cluster} has the servers {servers} and no sentinel; one of both is needed")
    return RedisConnection(one_server(surroundings.endpoints[servers[0]]), timeout)
