"""``redis-getset``: the key holds a deadline; whoever reads one that is past swaps in its own by ``GETSET``, and is in
if it got back what it had read. The fix of ``redis-timestamp-del``: of two rescuers only one gets the stale value back.

Its mistakes are kept on purpose. *The loser's value stays*: a rescuer that lost has overwritten the winner's deadline
with its own, so the deadline creeps, and the winner does not recognise its value when it releases: the lock stays
taken until the loser's deadline. *Clients' clocks*: whose clock is ahead by the lease or more takes a lock that is
held. *Compare, then delete* are two commands.

This is how it is commonly written. The manual's own version asks whether the value it got back is past, not whether it
is the one it had read, and its holder deletes the key unless its own deadline has passed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, LockEntry
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
    PROMOTIONS,
    SERVER_KILLED,
    SERVER_PAUSED,
    kept,
    lost,
    unclaimed,
)
from nuclei.locks.redis_deadline import HANDLING_DEADLOCKS, RESCUED, RedisDeadline
from nuclei.locks.redis_lock import GAP, LOSING, ONE_KEY, PROMOTING, RECOVERY_MARGIN_NS, TIMES, UNATTENDED, lease_ns
from nuclei.locks.redis_set_nx_px import BY_CHANCE, FAILOVER, RESTART


class RedisGetset(RedisDeadline):
    """``gap``: seconds between reading a stale deadline and swapping it."""

    def take_over(self, stale: str) -> Grant | None:
        """GETSET decides who was first; it has written for all others, too."""
        sent = time.monotonic_ns()
        before = self.redis.command("GETSET", self.key, self.next_deadline())
        if before != stale:
            return None
        return Grant(owner=self.written, lease_until=sent + self.ttl_ns)

    def give_back(self, attempt: Attempt | None) -> bool:
        """DEL if the deadline is still the own one."""
        if attempt is None or self.redis.command("GET", self.key) != self.written:
            return False
        return bool(self.redis.command("DEL", self.key))


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease that ends once somebody looks. Two leases are waited for before anybody is let in
    where a loser's deadline stays. Refusals are spurious: see ``redis-setnx``."""
    lease = lease_ns(settings)
    return Spec(lease_ns=lease, recovery_ns=2 * lease + RECOVERY_MARGIN_NS)


GETSET = f"{HANDLING_DEADLOCKS}: C4 uses GETSET"
CREEP = f"{HANDLING_DEADLOCKS}: even if C4 set the key a bit in the future this is not a problem"

LOCK = LockEntry(
    name="redis-getset",
    summary="the value is a deadline; a past one is swapped by GETSET, and only who gets it back is in",
    clusters=ONE_KEY,
    make=RedisGetset,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES, **GAP},
    claims=(
        *kept("mutual-exclusion", GETSET, NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED, RESCUED, CUT_WITHIN, CUT_BEYOND),
        *kept("mutual-exclusion", GETSET, SERVER_PAUSED, ISOLATED, on=UNATTENDED),
        *kept("recovery", CREEP, HOLDER_KILLED, RESCUED),
        *lost("mutual-exclusion", f"{HANDLING_DEADLOCKS}: the deadline passes", PAUSE_BEYOND, kind="overstay"),
        *kept("owner-safe-release", f"{HANDLING_DEADLOCKS}: the holder looks at its deadline first", PAUSE_BEYOND),
        *lost("mutual-exclusion", RESTART, SERVER_KILLED, kind="double-grant", cause="restart", on=UNATTENDED),
        *lost("mutual-exclusion", FAILOVER, *PROMOTIONS, kind="double-grant", cause="failover", on=LOSING),
        *unclaimed(BY_CHANCE, SERVER_KILLED, SERVER_PAUSED, ISOLATED, on=PROMOTING),
        *kept("mutual-exclusion", f"{HANDLING_DEADLOCKS}: by the clocks of clients", CLOCK_AHEAD, CLOCK_BACK),
    ),
)
