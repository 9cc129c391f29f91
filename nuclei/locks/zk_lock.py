"""What our own ZooKeeper locks share: a session, whom its breaks concern, waiting for a node to go, giving back.

The recipes themselves (which nodes there are, and who watches whom) are in a file each.
"""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockContext, LockError, Refused
from nuclei.locks.claims import Scenario
from nuclei.locks.zk_session import DEFAULT_OP_TIMEOUT, DEFAULT_SESSION, SessionOver, ZkSession, lock_path

SECOND_NS = 1_000_000_000
RECOVERY_MARGIN_NS = 4 * SECOND_NS
"""Added to the session for the promised recovery: a new leader restarts every session's timer, and electing one takes
a moment (WIRING §4.8)."""

# The session is the cluster's setting (`--set cluster.session=2s`): its servers bound what a client may ask for.
SETTINGS: Mapping[str, float | int | str | bool] = {"op_timeout": DEFAULT_OP_TIMEOUT, "judge_queue": False}
"""``op_timeout``: limit of one request in seconds. ``judge_queue``: hold the lock to what a queue promises, whether it
says so or not: one waiter woken per release, nobody overtaken. It changes nothing but the verdicts."""

CLUSTERS = ("zookeeper",)
RECIPE = "https://zookeeper.apache.org/doc/current/recipes.html#sc_recipes_Locks"
GUIDE = "https://zookeeper.apache.org/doc/current/zookeeperProgrammers.html#ch_zkSessions"
BURROWS = "M. Burrows, The Chubby lock service, OSDI 2006, §2.4 (sequencers)"
BOOK = "F. Junqueira, B. Reed, ZooKeeper, O'Reilly 2013"
PAUSED = f"{BOOK}, The ephemeral node and the paused process"
MAJORITY = (
    "https://zookeeper.apache.org/doc/current/zookeeperOver.html (Guarantees): a majority keeps what it confirmed"
)
MONOTONIC = "https://issues.apache.org/jira/browse/ZOOKEEPER-1366: sessions are counted by a monotonic clock"

CROWD = Scenario(
    words="no fault, six clients that all wait, held to a queue's promises",
    settings=("lock.judge_queue=on", "workload.try_share=0", "trial.work=1.5s"),
    clients=6,
)
"""Clients that never give up: who gives up wakes somebody, too."""


def queue_promises(settings: Mapping[str, float | int | str | bool]) -> dict[str, int]:
    """The spec's promises of a queue, where the settings ask for them to be judged.

    Not by default: a waiter that gives up wakes the one behind it, which no row tells from a release that woke two, and
    in the shadow of a fault too few wait for a verdict."""
    return {"most_woken": 1, "most_overtakes": 0} if settings.get("judge_queue") else {}


def session_ns(settings: Mapping[str, float | int | str | bool]) -> int:
    """The session timeout, in ns, from the cluster's setting ``session`` in seconds."""
    return int(float(settings.get("session", DEFAULT_SESSION)) * SECOND_NS)


class ZkLock(Lock):
    """``_holding`` and the session's state change under one mutex, so a break of the session either finds the lock
    held (and the client is told) or is found by the grant (which is then not given).

    ``ephemeral``: whether the lock's nodes end with their session, so that its end is the end of the hold.
    """

    writes_owner = True
    ephemeral: ClassVar[bool] = True

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self.parent = lock_path(context.key)
        self.zk = ZkSession(context.surroundings, context.random, self._broke)
        self._mutex = threading.Lock()
        self._holding = False
        self._attempt: Attempt | None = None

    @abstractmethod
    def _take(self, attempt: Attempt, deadline: float | None) -> Grant:
        """The recipe: take the lock by ``deadline`` (time.monotonic; None: at once or not at all)."""

    @abstractmethod
    def _give_back(self, attempt: Attempt) -> bool:
        """Delete what the attempt has on the servers; whether there was anything."""

    def connect(self) -> None:
        """Open the session and make sure that the lock's parent node is there."""
        self.zk.open()
        self.zk.ensure(self.parent)

    def try_acquire(self, attempt: Attempt) -> Grant:
        """Take it at once or not at all."""
        return self._take(attempt, None)

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """Wait at most ``limit`` seconds; cleaning up after a vain wait takes a request more."""
        return self._take(attempt, time.monotonic() + limit)

    def release(self) -> None:
        """Delete the own node. Cut off, it waits one request's time for the connection, then it cannot know."""
        with self._mutex:
            self._holding = False
        attempt = self._attempt
        if attempt is None:
            raise Refused("not held: there is no attempt to release")
        if not self.zk.wait_connected(self.zk.timeout):
            raise Indeterminate("not connected: the node stays until it can be reached again, or its session ends")
        try:
            deleted = self._give_back(attempt)
        except Refused as broken:
            if isinstance(broken, SessionOver) and self.ephemeral:
                self._forget()
                raise
            raise Indeterminate(f"the connection broke again: {broken}") from broken
        self._forget()
        if not deleted:
            raise Refused("not held: there is no node of this attempt")

    def close(self) -> None:
        """Close the session, which also takes ephemeral nodes away if the servers can be told."""
        with self._mutex:
            self._holding = False
        self.zk.close()

    # ---- for the recipes

    def _claim(self, breaks: int) -> bool:
        """Hold the lock from now on, unless the session broke since ``breaks`` was read."""
        with self._mutex:
            self._holding = not self.ephemeral or (self.zk.connected and self.zk.breaks == breaks)
            return self._holding

    def _wait_until_gone(self, path: str, deadline: float) -> None:
        """Watch one node until it is gone, the connection breaks, or the deadline comes; then one looks again."""
        event = threading.Event()

        def woken(change: Any) -> None:
            if change.type == "DELETED" and not over.is_set():
                self.context.on_wake(f"{path.rpartition('/')[2]} is gone")
            event.set()

        over = threading.Event()
        try:
            if self.zk.watch(path, woken):
                event.wait(max(0.0, deadline - time.monotonic()))
        except LockError:
            return  # the next look waits for the connection, as long as there is time
        finally:
            over.set()

    def _withdrawn(self, attempt: Attempt, cause: LockError) -> LockError:
        """Give back after a failed acquire: Refused when nothing is certainly left, else Indeterminate."""
        try:
            self.zk.wait_connected(self.zk.timeout)
            self._give_back(attempt)
        except LockError as error:
            if not (isinstance(error, SessionOver) and self.ephemeral):
                return Indeterminate(f"{cause}; a node of {attempt.id} may still be there: {error}")
            cause = Refused(f"{cause}; {error}")
        self._forget()
        return Refused(str(cause))

    def _forget(self) -> None:
        self._attempt = None

    def _broke(self, state: str) -> None:
        """Kazoo's thread: the connection is SUSPENDED or the session LOST; either way the lock counts as lost. Cut off
        one cannot know whether the session still lives, and LOST is only said after reconnecting."""
        if not self.ephemeral:
            return
        with self._mutex:
            held, self._holding = self._holding, False
        if held:
            self.context.on_lost(state)


def spec_in_session(settings: Mapping[str, float | int | str | bool], *, fenced: bool, delay_ns: int = 0) -> Spec:
    """An owner mutex in a session; free again ``delay_ns`` after the session's end at the latest, and the margin.

    Refusals are spurious: a server out of reach refuses as well, and so does a contender further ahead in a queue."""
    session = session_ns(settings)
    return Spec(
        session_ns=session,
        fenced=fenced,
        recovery_ns=session + delay_ns + RECOVERY_MARGIN_NS,
        reentry_limit=int(settings.get("reentry", 1)),
        **queue_promises(settings),  # type: ignore[arg-type]
    )
