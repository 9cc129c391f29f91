"""``zk-sequential``: ephemeral sequential nodes; the lowest holds the lock, each waiter watches its predecessor only.

The recipe of the ZooKeeper manual, as a careful client runs it: it takes SUSPENDED for lost (a client that is cut off
cannot know whether its session still lives, and LOST is only said after reconnecting), it never takes a grant from a
session that broke while it looked, and the node's name begins with the attempt's id, so that a create whose reply was
lost can be found and deleted. The fencing token is the node's czxid.

Sources: ZooKeeper Recipes and Solutions, "Locks" and "Recoverable errors and the GUID"; kazoo, "Listening for
connection events"; F. Junqueira, B. Reed, ZooKeeper, 2013, "The ephemeral node and the paused process".
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from histories.spec import Spec
from nuclei.locks.base import Attempt, Claim, Grant, Indeterminate, Lock, LockContext, LockEntry, LockError, Refused
from nuclei.locks.zk_session import DEFAULT_OP_TIMEOUT, DEFAULT_SESSION, SessionOver, ZkSession, lock_path

SEQUENCE_DIGITS = 10
SECOND_NS = 1_000_000_000
RECOVERY_MARGIN_NS = 4 * SECOND_NS
"""Added to the session for the promised recovery: a new leader restarts every session's timer, and electing one takes
a moment (WIRING §4.8)."""


def number(name: str) -> int:
    """The sequence number at the end of a child's name."""
    return int(name[-SEQUENCE_DIGITS:])


class _NodeGone(Refused):
    """The own node is not among the contenders any more."""


class ZkSequential(Lock):
    """``_holding`` and the session's state change under one mutex, so a break of the session either finds the lock
    held (and the client is told) or is found by the grant (which is then not given)."""

    writes_owner = True

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self.parent = lock_path(context.key)
        self.zk = ZkSession(context.surroundings, context.random, self._broke)
        self._mutex = threading.Lock()
        self._holding = False
        self._attempt: Attempt | None = None
        self._node: str | None = None

    def connect(self) -> None:
        """Open the session and make sure that the lock's parent node is there."""
        self.zk.open()
        self.zk.ensure(self.parent)

    def try_acquire(self, attempt: Attempt) -> Grant:
        """Create, look, and delete the own node again when it is not the first."""
        return self._take(attempt, None)

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """Wait behind the predecessor; at the limit the own node is deleted, which takes one request more."""
        return self._take(attempt, time.monotonic() + limit)

    def release(self) -> None:
        """Delete the own node. Cut off, it waits one request's time for the connection, then it cannot know."""
        with self._mutex:
            self._holding = False
        attempt = self._attempt
        if attempt is None:
            raise Refused("not held: there is no attempt to release")
        if not self.zk.wait_connected(self.zk.timeout):
            raise Indeterminate("not connected: the node stays until the session ends or can be reached again")
        try:
            deleted = [self.zk.delete(f"{self.parent}/{name}") for name in self._own_nodes(attempt)]
        except SessionOver:
            self._forget()
            raise
        except Refused as broken:
            raise Indeterminate(f"the connection broke again: {broken}") from broken
        self._forget()
        if not any(deleted):
            raise Refused("not held: there is no node of this attempt, so its session has ended")

    def close(self) -> None:
        """Close the session, which also takes the own node away if the servers can be told."""
        with self._mutex:
            self._holding = False
        self.zk.close()

    # ---- the recipe

    def _take(self, attempt: Attempt, deadline: float | None) -> Grant:
        fence = self._enlist(attempt)
        try:
            while True:
                breaks = self.zk.breaks
                ahead = self._predecessor(deadline)
                if ahead is None and self._claim(breaks):
                    return Grant(owner=attempt.owner, fence=fence)
                if deadline is None:
                    raise Refused(f"busy: behind {ahead}" if ahead else "the session broke while looking")
                if ahead is not None:
                    self._wait_behind(ahead, deadline)
        except _NodeGone:
            self._forget()
            raise
        except LockError as error:
            raise self._withdrawn(error) from error

    def _enlist(self, attempt: Attempt) -> int:
        """Create the own node; its czxid. An indeterminate create leaves the attempt for release to clean up."""
        from kazoo.exceptions import NoNodeError

        path = f"{self.parent}/{attempt.id}-"
        self._node, self._attempt = None, attempt
        try:
            try:
                made, czxid = self.zk.create(path, attempt.owner.encode())
            except NoNodeError:
                self.zk.ensure(self.parent)
                made, czxid = self.zk.create(path, attempt.owner.encode())
        except Refused:
            self._forget()
            raise
        self._node = made.rpartition("/")[2]
        return czxid

    def _predecessor(self, deadline: float | None) -> str | None:
        """Who is next before us, or None when we are the first.

        Looking again is harmless, so a broken connection is waited for until the deadline. Raises _NodeGone,
        Refused at the deadline, and with no deadline whatever the look met.
        """
        while True:
            if deadline is not None and time.monotonic() >= deadline:
                raise Refused("not granted within the limit")
            try:
                names = sorted(self._contenders(), key=number)
            except LockError:
                if deadline is None or not self.zk.wait_connected(deadline - time.monotonic()):
                    raise
                continue
            if self._node not in names:
                raise _NodeGone("the own node is gone: its session has ended")
            index = names.index(self._node)
            return names[index - 1] if index else None

    def _contenders(self) -> list[str]:
        return [name for name in self.zk.children(self.parent) if name[-SEQUENCE_DIGITS:].isdigit()]

    def _own_nodes(self, attempt: Attempt) -> list[str]:
        """The node of an attempt: known, or found by its prefix where the reply to its create was lost."""
        if self._node is not None:
            return [self._node]
        return [name for name in self._contenders() if name[:-SEQUENCE_DIGITS] == f"{attempt.id}-"]

    def _claim(self, breaks: int) -> bool:
        """Hold the lock from now on, unless the session broke since ``breaks`` was read."""
        with self._mutex:
            self._holding = self.zk.connected and self.zk.breaks == breaks
            return self._holding

    def _wait_behind(self, ahead: str, deadline: float) -> None:
        """Wait until the predecessor's node is gone, the connection breaks, or the limit comes."""
        event = threading.Event()

        def woken(change: Any) -> None:
            if change.type == "DELETED" and not over.is_set():
                self.context.on_wake(f"predecessor {ahead} is gone")
            event.set()

        over = threading.Event()
        try:
            if self.zk.watch(f"{self.parent}/{ahead}", woken):
                event.wait(max(0.0, deadline - time.monotonic()))
        except LockError:
            return  # the next look waits for the connection, as long as there is time
        finally:
            over.set()

    def _withdrawn(self, cause: LockError) -> LockError:
        """Delete the own node after a failed acquire: Refused when it is certainly gone, else Indeterminate."""
        try:
            self.zk.wait_connected(self.zk.timeout)
            self.zk.delete(f"{self.parent}/{self._node}")
        except SessionOver as error:
            self._forget()
            return Refused(f"{cause}; {error}")
        except LockError as error:
            return Indeterminate(f"{cause}; the own node {self._node} may still wait in line: {error}")
        self._forget()
        return Refused(str(cause))

    def _forget(self) -> None:
        self._attempt = self._node = None

    def _broke(self, state: str) -> None:
        """Kazoo's thread: the connection is SUSPENDED or the session LOST; either way the lock counts as lost."""
        with self._mutex:
            held, self._holding = self._holding, False
        if held:
            self.context.on_lost(state)


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex in a session, fenced. A lower contender refuses rightly while nobody holds: spurious refusals."""
    session = int(float(settings.get("session", DEFAULT_SESSION)) * SECOND_NS)
    return Spec(session_ns=session, fenced=True, recovery_ns=session + RECOVERY_MARGIN_NS)


RECIPE = "https://zookeeper.apache.org/doc/current/recipes.html#sc_recipes_Locks"
GUIDE = "https://zookeeper.apache.org/doc/current/zookeeperProgrammers.html#ch_zkSessions"
BURROWS = "M. Burrows, The Chubby lock service, OSDI 2006, §2.4 (sequencers)"

LOCK = LockEntry(
    name="zk-sequential",
    summary="ephemeral sequential nodes, predecessor watch, leaves on SUSPENDED, fencing token = czxid",
    clusters=("zookeeper",),
    make=ZkSequential,
    spec=spec,
    # The session is the cluster's setting (`--set cluster.session=2s`): its servers bound what a client may ask for.
    defaults={"op_timeout": DEFAULT_OP_TIMEOUT},
    claims=(
        Claim(property="mutual-exclusion", fault="none", verdict="kept", source=RECIPE),
        Claim(property="mutual-exclusion", fault="isolated leader", verdict="kept", source=RECIPE),
        Claim(property="mutual-exclusion", fault="leader kill", verdict="kept", source=RECIPE),
        Claim(property="mutual-exclusion", fault="client partition > session", verdict="kept", source=GUIDE),
        Claim(property="mutual-exclusion", fault="client pause < session", verdict="kept", source=GUIDE),
        Claim(property="mutual-exclusion", fault="client pause > session", verdict="lost", source=GUIDE),
        Claim(property="lease", fault="client pause > session", verdict="kept", source=GUIDE),
        Claim(property="fencing-at-ledger", fault="client pause > session", verdict="kept", source=BURROWS),
        Claim(property="recovery", fault="client kill", verdict="kept", source=f"{GUIDE}: ephemeral nodes"),
    ),
)
