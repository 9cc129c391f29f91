"""What the adapters of kazoo's recipes share: kazoo as its users have it, how its calls end, what its listener says.

It is kazoo unmodified and with its own defaults: connections and requests are tried again without end and ever more
slowly, one request has no time limit, a first connection has 15 s. Only the servers' addresses and the session timeout
are set. So one call is many requests, and cut off from all servers it comes back when the network does, however long
it was told to wait.

``listen`` on (default): the program has a state listener, as kazoo's documentation highly recommends, and takes
SUSPENDED (not connected: nobody knows whether the session lives) as well as LOST for the end of its hold. Off: it has
none, as many programs; it believes in its lock until it gives it back.

Source: kazoo, "Listening for connection events" and the docstrings of ``kazoo.recipe.lock``.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockContext, Refused
from nuclei.locks.claims import (
    CLOCK_AHEAD,
    CLOCK_BACK,
    CUT_BEYOND,
    CUT_WITHIN,
    HOLDER_KILLED,
    ISOLATED,
    NO_FAULT,
    PAUSE_BEYOND,
    PAUSE_WITHIN,
    SERVER_KILLED,
    SERVER_PAUSED,
    Scenario,
    kept,
    lost,
)
from nuclei.locks.zk_lock import MONOTONIC
from nuclei.locks.zk_session import DEFAULT_SESSION, addresses, close_client, lock_path

SETTINGS: Mapping[str, float | int | str | bool] = {"listen": True}
API = "https://kazoo.readthedocs.io/en/latest/api/recipe/lock.html"
LISTENING = "https://kazoo.readthedocs.io/en/latest/basic_usage.html#listening-for-connection-events"
CONNECTED = "CONNECTED"


class KazooRecipe(Lock):
    """One kazoo client, and a new object of the recipe for each attempt.

    ``_holding`` and the connection's state are looked at under one mutex, so that a break either finds the lock held
    (and the client is told) or is found by the grant.
    """

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self.path = lock_path(context.key)
        self._listens = bool(context.surroundings.settings.get("listen", True))
        self._mutex = threading.Lock()
        self._holding = False
        self._client: Any = None
        self._recipe: Any = None

    @abstractmethod
    def _make(self, client: Any, attempt: Attempt) -> Any:
        """The recipe's object for an attempt, made as kazoo's documentation shows."""

    @abstractmethod
    def _granted(self, client: Any, recipe: Any) -> Grant:
        """What a granted recipe lets one know of itself. Raises Refused where its node is gone again."""

    def connect(self) -> None:
        """Open a session. Raises Refused when no server gives one within kazoo's own limit."""
        from kazoo.client import KazooClient

        session = self.context.surroundings.number("session", DEFAULT_SESSION)
        client = KazooClient(hosts=",".join(addresses(self.context.surroundings)), timeout=session)
        self._client = client
        client.add_listener(lambda state: self._state_changed(client, state))
        try:
            client.start()
        except client.handler.timeout_exception as error:
            raise Refused("no ZooKeeper server opened a session within kazoo's limit") from error

    def try_acquire(self, attempt: Attempt) -> Grant:
        """``acquire(blocking=False)``."""
        return self._take(attempt, blocking=False)

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """``acquire(timeout=limit)``."""
        return self._take(attempt, timeout=limit)

    def release(self) -> None:
        """``release()``; without end where nothing answers. After an acquire that failed kazoo holds nothing to
        release: it has tried to tidy up by itself."""
        with self._mutex:
            self._holding = False
        if self._recipe is None:
            raise Refused("not held: there is no attempt to release")
        with _endings("release"):
            released = self._recipe.release()
        if not released:
            raise Refused("not held, says kazoo")

    def close(self) -> None:
        """Close the session, which also takes ephemeral nodes away if the servers can be told."""
        with self._mutex:
            self._holding = False
        client, self._client = self._client, None
        if client is not None:
            close_client(client)

    # ---- within

    def _take(self, attempt: Attempt, **how: Any) -> Grant:
        client = self._client
        recipe = self._recipe = self._make(client, attempt)
        with _endings("acquire"):
            if not recipe.acquire(**how):
                raise Refused("not granted, says kazoo")
            try:
                grant = self._granted(client, recipe)
            except Refused:
                recipe.release()
                raise
        with self._mutex:
            self._holding, state = True, client.state
        self._state_changed(client, state)
        return grant

    def _state_changed(self, client: Any, state: str) -> None:
        """Kazoo's thread, or a grant's. What a client that was given up has to say does not count."""
        if state == CONNECTED or not self._listens or client is not self._client:
            return
        with self._mutex:
            held, self._holding = self._holding, False
        if held:
            self.context.on_lost(state)


@contextmanager
def _endings(call: str) -> Iterator[None]:
    """How kazoo's exceptions end a call: LockTimeout is its own waiting limit; after any other one a node may be left,
    or not."""
    from kazoo.exceptions import KazooException, LockTimeout
    from kazoo.handlers.threading import KazooTimeoutError

    try:
        yield
    except LockTimeout as error:
        raise Refused(str(error)) from error
    except (KazooException, KazooTimeoutError) as error:
        raise Indeterminate(f"{call}: {type(error).__name__} {error}".rstrip()) from error


def granted_by_node(client: Any, recipe: Any) -> Grant:
    """The owner is the contender's name before its sequence number, which observers see; the fencing token its czxid,
    for which the servers are asked once more. Raises Refused where the node is gone: its session has ended."""
    stat = client.exists(f"{recipe.path}/{recipe.node}")
    if stat is None:
        raise Refused("its node is gone again: the session has ended")
    return Grant(owner=recipe.prefix, fence=stat.czxid)


DEAF = Scenario(
    words="holder without a listener cut off from all servers for 1.5 sessions",
    faults=CUT_BEYOND.faults,
    settings=("lock.listen=off",),
)
SESSION_CLAIMS = (
    *kept("mutual-exclusion", API, NO_FAULT, HOLDER_KILLED, SERVER_KILLED, SERVER_PAUSED, ISOLATED),
    *kept("mutual-exclusion", LISTENING, PAUSE_WITHIN, CUT_WITHIN, CUT_BEYOND),
    *kept("mutual-exclusion", MONOTONIC, CLOCK_AHEAD, CLOCK_BACK),
    *lost("mutual-exclusion", LISTENING, PAUSE_BEYOND, kind="overstay", cause="session-end"),
    *lost("mutual-exclusion", f"{LISTENING}: LOST is only said after reconnecting", DEAF, kind="overstay"),
    *kept("recovery", f"{API}: ephemeral nodes", HOLDER_KILLED),
)
"""What is said of every recipe whose holder's node is ephemeral."""
