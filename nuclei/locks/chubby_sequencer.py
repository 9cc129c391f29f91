"""``chubby-sequencer``: Chubby's two defences against a holder that failed or is late, on ZooKeeper.

*Sequencer*: (lock name, mode, generation), handed out with the lock, passed with every write and checked there against
the latest one seen, so that a delayed write of a former holder is refused. The generation grows each time the lock goes
from free to held; name and generation travel with each ledger write (the mode is always exclusive).

*Lock-delay*: when a lock becomes free because its holder failed, nobody may have it for a while, which protects
resources that check nothing from writes under way. Only a lock that was given back in order can be had at once.

Chubby's server knows how a lock became free. Here the lock's parent node does: its value names the holder (the
*mark*), its version is the generation. Entering writes the mark in one transaction with a check that the own contender
node is still there; giving back clears it in one with the deletion of that node. Who is first in line and finds the
mark of another knows that this one failed, and waits the delay out, from when it first saw it. The line is
``zk-sequential``'s.

Source: M. Burrows, The Chubby lock service for loosely-coupled distributed systems, OSDI 2006, §2.4.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, LockContext, LockEntry, Refused
from nuclei.locks.claims import (
    CLOCK_AHEAD,
    CLOCK_BACK,
    CUT_BEYOND,
    CUT_WITHIN,
    HOLDER_KILLED,
    ISOLATED,
    NO_FAULT,
    SERVER_KILLED,
    SERVER_PAUSED,
    Scenario,
    kept,
    lost,
)
from nuclei.locks.zk_lock import BURROWS, CLUSTERS, GUIDE, MAJORITY, MONOTONIC, SECOND_NS, SETTINGS, spec_in_session
from nuclei.locks.zk_sequential import ZkSequential

DEFAULT_LOCK_DELAY = 1.0
"""Seconds. Chubby lets each lock have its own, up to a minute; trials are short."""

FREE = b""


class ChubbySequencer(ZkSequential):
    """``_failed``: the generation whose holder is known to have failed, and when this client first saw that."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._delay = context.surroundings.number("lock_delay", DEFAULT_LOCK_DELAY)
        self._failed = (-1, 0.0)

    def _permitted(self, attempt: Attempt, czxid: int, deadline: float | None) -> int | None:
        """The generation to enter with, after the lock-delay of a holder that failed."""
        mark = self._mark()
        if mark is None:
            return None
        holder, version = mark
        if holder not in {FREE, attempt.owner.encode()}:
            self._wait_out(version, deadline)
        own = f"{self.parent}/{self._node}"
        entered = self.zk.write_with(own, self.parent, attempt.owner.encode(), version, delete=False)
        return version + 1 if entered else None

    def _mark(self) -> tuple[bytes, int] | None:
        return self.zk.read(self.parent)

    def _wait_out(self, generation: int, deadline: float | None) -> None:
        """Wait until the lock-delay is over since this client first saw that the holder of ``generation`` failed."""
        if self._failed[0] != generation:
            self._failed = (generation, time.monotonic())
        over = self._failed[1] + self._delay
        now = time.monotonic()
        if over > now and (deadline is None or over >= deadline):
            time.sleep(max(0.0, (deadline or now) - now))
            raise Refused("not granted: the lock-delay after a holder's failure is not over")
        time.sleep(max(0.0, over - now))

    def _remove(self, name: str, attempt: Attempt) -> bool:
        """Delete the own node, and with it clear the mark if that is the own one."""
        own = f"{self.parent}/{name}"
        mark = self._mark()
        if mark is not None and mark[0] == attempt.owner.encode():
            return self.zk.write_with(own, self.parent, FREE, mark[1], delete=True)
        return self.zk.delete(own)


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex in a session, fenced; after a failure it comes back a lock-delay later than the session's end."""
    delay = int(float(settings.get("lock_delay", DEFAULT_LOCK_DELAY)) * SECOND_NS)
    return spec_in_session(settings, fenced=True, delay_ns=delay)


WITHIN_THE_DELAY = Scenario(
    words="holder paused for 1.25 sessions, less than session and lock-delay",
    faults=("pause-client:for=1.25x",),
    settings=("cluster.session=2s", "lock.lock_delay=2s", "workload.limit=5s"),
)
BEYOND_THE_DELAY = Scenario(
    words="holder paused for 3 sessions, more than session and lock-delay, just before it writes",
    faults=("pause-client:for=3x,at=before-write",),
    settings=("cluster.session=2s", "lock.lock_delay=1s", "workload.limit=5s"),
)

LOCK = LockEntry(
    name="chubby-sequencer",
    summary="zk-sequential with a sequencer (name, mode, generation) and a lock-delay after a holder's failure",
    clusters=CLUSTERS,
    make=ChubbySequencer,
    spec=spec,
    defaults={**SETTINGS, "lock_delay": DEFAULT_LOCK_DELAY},
    claims=(
        *kept("mutual-exclusion", BURROWS, NO_FAULT, HOLDER_KILLED),
        *kept("mutual-exclusion", GUIDE, CUT_WITHIN, CUT_BEYOND),
        *kept("mutual-exclusion", MAJORITY, SERVER_KILLED, SERVER_PAUSED, ISOLATED),
        *kept("mutual-exclusion", MONOTONIC, CLOCK_AHEAD, CLOCK_BACK),
        *kept("mutual-exclusion", f"{BURROWS}: lock-delay", WITHIN_THE_DELAY),
        *lost("mutual-exclusion", f"{BURROWS}: lock-delay", BEYOND_THE_DELAY, kind="overstay", cause="session-end"),
        *kept("fencing-at-ledger", BURROWS, WITHIN_THE_DELAY, BEYOND_THE_DELAY),
        *kept("lease", GUIDE, BEYOND_THE_DELAY),
        *kept("recovery", f"{BURROWS}: lock-delay", HOLDER_KILLED),
    ),
)
