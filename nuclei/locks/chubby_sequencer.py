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
from nuclei.locks.base import Attempt, Claim, LockContext, LockEntry, Refused
from nuclei.locks.zk_lock import BURROWS, CLUSTERS, GUIDE, SECOND_NS, SETTINGS, spec_in_session
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


LOCK = LockEntry(
    name="chubby-sequencer",
    summary="zk-sequential with a sequencer (name, mode, generation) and a lock-delay after a holder's failure",
    clusters=CLUSTERS,
    make=ChubbySequencer,
    spec=spec,
    defaults={**SETTINGS, "lock_delay": DEFAULT_LOCK_DELAY},
    claims=(
        Claim(property="mutual-exclusion", fault="none", verdict="kept", source=BURROWS),
        Claim(property="mutual-exclusion", fault="leader kill", verdict="kept", source=GUIDE),
        Claim(property="mutual-exclusion", fault="client partition > session", verdict="kept", source=GUIDE),
        Claim(property="mutual-exclusion", fault="client pause < session + lock-delay", verdict="kept", source=BURROWS),
        Claim(property="mutual-exclusion", fault="client pause > session + lock-delay", verdict="lost", source=BURROWS),
        Claim(property="fencing-at-ledger", fault="client pause > session", verdict="kept", source=BURROWS),
        Claim(property="recovery", fault="client kill", verdict="kept", source=f"{BURROWS}: lock-delay"),
    ),
)
