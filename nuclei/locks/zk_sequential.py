"""``zk-sequential``: ephemeral sequential nodes; the lowest holds the lock, each waiter watches its predecessor only.

The recipe of the ZooKeeper manual, as a careful client runs it: it takes SUSPENDED for lost, it never takes a grant
from a session that broke while it looked, and the node's name begins with the attempt's id, so that a create whose
reply was lost can be found and deleted. The fencing token is the node's czxid. With ``lock.reentry`` above 1 its holder
may take it again, which is counted in the client and asks no server, as Curator's InterProcessMutex does.

Sources: ZooKeeper Recipes and Solutions, "Locks" and "Recoverable errors and the GUID"; kazoo, "Listening for
connection events"; F. Junqueira, B. Reed, ZooKeeper, 2013, "The ephemeral node and the paused process".
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, LockContext, LockEntry, LockError, Refused
from nuclei.locks.claims import (
    CLOCK_AHEAD,
    CLOCK_BACK,
    CUT_BEYOND,
    CUT_WITHIN,
    HOLDER_KILLED,
    ISOLATED,
    NO_FAULT,
    PAUSE_AT_WRITE,
    PAUSE_BEYOND,
    PAUSE_WITHIN,
    SERVER_KILLED,
    SERVER_PAUSED,
    kept,
    lost,
)
from nuclei.locks.zk_lock import (
    BURROWS,
    CLUSTERS,
    CROWD,
    GUIDE,
    MAJORITY,
    MONOTONIC,
    PAUSED,
    RECIPE,
    SETTINGS,
    ZkLock,
    spec_in_session,
)

SEQUENCE_DIGITS = 10


def number(name: str) -> int:
    """The sequence number at the end of a child's name."""
    return int(name[-SEQUENCE_DIGITS:])


class _NodeGone(Refused):
    """The own node is not among the contenders any more."""


class ZkSequential(ZkLock):
    """``_node``: the own contender, ``_grant``: what its holder was handed, with the depth it is at now."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._node: str | None = None
        self._grant = Grant()
        self._reentry = int(context.surroundings.number("reentry", 1))

    def release(self) -> None:
        """One level up; at the outermost the own node is deleted."""
        with self._mutex:
            if self._holding and self._grant.depth > 1:
                self._grant = Grant(owner=self._grant.owner, fence=self._grant.fence, depth=self._grant.depth - 1)
                return
        super().release()

    # ---- the recipe

    def _take(self, attempt: Attempt, deadline: float | None) -> Grant:
        again = self._again()
        if again is not None:
            return again
        fence = self._enlist(attempt)
        try:
            while True:
                breaks = self.zk.breaks
                ahead = self._predecessor(deadline)
                if ahead is None:
                    token = self._permitted(attempt, fence, deadline)
                    if token is not None and self._claim(breaks):
                        self._grant = Grant(owner=attempt.owner, fence=token)
                        return self._grant
                if deadline is None:
                    raise Refused(f"busy: behind {ahead}" if ahead else "the session broke while looking")
                if ahead is not None:
                    self._wait_until_gone(f"{self.parent}/{ahead}", deadline)
        except _NodeGone:
            self._forget()
            raise
        except LockError as error:
            raise self._withdrawn(attempt, error) from error

    def _again(self) -> Grant | None:
        """One level deeper for who holds it already; None for who does not. Raises Refused at the limit."""
        with self._mutex:
            if not self._holding:
                return None
            if self._grant.depth >= self._reentry:
                raise Refused(f"the own re-entry limit of {self._reentry} is reached")
            self._grant = Grant(owner=self._grant.owner, fence=self._grant.fence, depth=self._grant.depth + 1)
            return self._grant

    def _permitted(self, attempt: Attempt, czxid: int, deadline: float | None) -> int | None:
        """First in line: the fencing token to enter with, None to look again."""
        return czxid

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

    def _give_back(self, attempt: Attempt) -> bool:
        return any([self._remove(name, attempt) for name in self._own_nodes(attempt)])

    def _remove(self, name: str, attempt: Attempt) -> bool:
        return self.zk.delete(f"{self.parent}/{name}")

    def _own_nodes(self, attempt: Attempt) -> list[str]:
        """The node of an attempt: known, or found by its prefix where the reply to its create was lost."""
        if self._node is not None:
            return [self._node]
        return [name for name in self._contenders() if name[:-SEQUENCE_DIGITS] == f"{attempt.id}-"]

    def _forget(self) -> None:
        super()._forget()
        self._node = None


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex in a session, fenced. A lower contender refuses rightly while nobody holds: spurious refusals."""
    return spec_in_session(settings, fenced=True)


LOCK = LockEntry(
    name="zk-sequential",
    summary="ephemeral sequential nodes, predecessor watch, leaves on SUSPENDED, fencing token = czxid",
    clusters=CLUSTERS,
    make=ZkSequential,
    spec=spec,
    defaults={**SETTINGS, "reentry": 1},
    claims=(
        *kept("mutual-exclusion", RECIPE, NO_FAULT, HOLDER_KILLED),
        *kept("mutual-exclusion", GUIDE, PAUSE_WITHIN, CUT_WITHIN, CUT_BEYOND),
        *kept("mutual-exclusion", MAJORITY, SERVER_KILLED, SERVER_PAUSED, ISOLATED),
        *kept("mutual-exclusion", MONOTONIC, CLOCK_AHEAD, CLOCK_BACK),
        *lost("mutual-exclusion", PAUSED, PAUSE_BEYOND, PAUSE_AT_WRITE, kind="overstay", cause="session-end"),
        *kept("lease", GUIDE, PAUSE_BEYOND, PAUSE_AT_WRITE),
        *kept("fencing-at-ledger", BURROWS, PAUSE_BEYOND, PAUSE_AT_WRITE),
        *kept("recovery", f"{GUIDE}: ephemeral nodes", HOLDER_KILLED),
        *kept("herd", f"{RECIPE}: a node is watched by one client", CROWD),
        *kept("fairness", f"{RECIPE}: in order of sequence numbers", CROWD),
    ),
)
