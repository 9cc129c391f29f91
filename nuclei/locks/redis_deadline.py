"""What the two Redis locks share whose key holds a deadline instead of expiring: ``now + ttl`` by the client's clock.

Source of the pattern: Redis documentation, SETNX, "Handling deadlocks". Redis had no SET with NX and PX then, so
whoever finds a deadline in the past takes the lock over; how they do it is what the two locks differ in.
"""

from __future__ import annotations

import time

from nuclei.locks.base import Attempt, Grant, LockContext
from nuclei.locks.claims import Scenario
from nuclei.locks.redis_lock import SECOND_NS, RedisLock, nothing_taken

SETNX = "https://redis.io/docs/latest/commands/setnx/"
HANDLING_DEADLOCKS = f"{SETNX} (Handling deadlocks)"

RESCUED = Scenario(
    words="holder killed, and the rescuers dawdle 0.1 s between reading its deadline and taking over",
    faults=("kill-client",),
    settings=("lock.ttl=600ms", "lock.gap=100ms", "workload.hold=0.3s", "workload.limit=1s"),
    clients=4,
)


class RedisDeadline(RedisLock):
    """The value is the deadline in seconds since 1970, by the wall clock of whoever wrote it, to the microsecond.

    ``written``: the deadline this client wrote last, whether it was let in with it or not."""

    writes_owner = False

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self.written: str | None = None

    def next_deadline(self) -> str:
        """What to write now."""
        self.written = f"{time.time() + self.ttl_ns / SECOND_NS:.6f}"
        return self.written

    def set_if_absent(self) -> Grant | None:
        """SETNX with a fresh deadline."""
        sent = time.monotonic_ns()
        if self.redis.command("SETNX", self.key, self.next_deadline()) != 1:
            return None
        return Grant(owner=self.written, lease_until=sent + self.ttl_ns)

    def stale_deadline(self) -> str | None:
        """The deadline on the server if it is in the past by this client's clock, else None."""
        with nothing_taken():
            seen = self.redis.command("GET", self.key)
        if seen is None or float(seen) >= time.time():
            return None
        return str(seen)

    def take(self, attempt: Attempt) -> Grant | None:
        """SETNX; else look at the deadline, and take the lock over where it is past."""
        grant = self.set_if_absent()
        if grant is not None:
            return grant
        stale = self.stale_deadline()
        if stale is None:
            return None
        self.dawdle()
        return self.take_over(stale)

    def take_over(self, stale: str) -> Grant | None:
        """Take the lock from whoever wrote ``stale``; None when somebody else was faster."""
        raise NotImplementedError
