"""``redis-timestamp-del``: the key holds a deadline; whoever reads one that is past deletes the key, then SETNX.

Its mistake is kept on purpose, and the Redis manual tells it as a warning: two rescuers read the same stale deadline;
the first deletes the key and sets its own, the second deletes *that* and sets its own, and both are in. No fault is
needed once a deadline is past. ``redis-getset`` is the fix. Also kept: the release is a blind ``DEL``.
"""

from __future__ import annotations

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
from nuclei.locks.redis_lock import (
    GAP,
    LOSING,
    ONE_KEY,
    PROMOTING,
    RECOVERY_MARGIN_NS,
    TIMES,
    UNATTENDED,
    lease_ns,
    nothing_taken,
)
from nuclei.locks.redis_set_nx_px import BY_CHANCE, FAILOVER, RESTART


class RedisTimestampDel(RedisDeadline):
    """``gap``: seconds between reading a stale deadline and deleting the key."""

    def take_over(self, stale: str) -> Grant | None:
        """DEL whatever is there by now, then SETNX like everybody."""
        with nothing_taken():
            self.redis.command("DEL", self.key)
        return self.set_if_absent()

    def give_back(self, attempt: Attempt | None) -> bool:
        """DEL, whoever holds it by now."""
        return bool(self.redis.command("DEL", self.key))


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease that ends once somebody looks. Refusals are spurious: see ``redis-setnx``."""
    lease = lease_ns(settings)
    return Spec(lease_ns=lease, recovery_ns=lease + RECOVERY_MARGIN_NS)


RACE = f"{HANDLING_DEADLOCKS}: ERROR: because of a race condition, both C1 and C2 acquired the lock"

LOCK = LockEntry(
    name="redis-timestamp-del",
    summary="the value is a deadline; who reads a past one deletes the key, then SETNX: two rescuers get in",
    clusters=ONE_KEY,
    make=RedisTimestampDel,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES, **GAP},
    claims=(
        *kept("mutual-exclusion", f"{HANDLING_DEADLOCKS}: SETNX", NO_FAULT, PAUSE_WITHIN, CUT_WITHIN),
        *kept("mutual-exclusion", f"{HANDLING_DEADLOCKS}: SETNX", SERVER_PAUSED, ISOLATED, on=UNATTENDED),
        *kept("recovery", HANDLING_DEADLOCKS, HOLDER_KILLED),
        *lost("mutual-exclusion", RACE, RESCUED, kind="double-grant"),
        *lost("lease", RACE, RESCUED),
        *unclaimed(f"{RACE}, if both look in time", HOLDER_KILLED, CUT_BEYOND),
        *lost("mutual-exclusion", f"{HANDLING_DEADLOCKS}: the deadline passes", PAUSE_BEYOND),
        *lost("owner-safe-release", f"{HANDLING_DEADLOCKS}: DEL asks for no owner", PAUSE_BEYOND),
        *lost("mutual-exclusion", RESTART, SERVER_KILLED, kind="double-grant", cause="restart", on=UNATTENDED),
        *lost("mutual-exclusion", FAILOVER, *PROMOTIONS, kind="double-grant", cause="failover", on=LOSING),
        *unclaimed(BY_CHANCE, SERVER_KILLED, SERVER_PAUSED, ISOLATED, on=PROMOTING),
        *kept("mutual-exclusion", f"{HANDLING_DEADLOCKS}: by the clocks of clients", CLOCK_AHEAD, CLOCK_BACK),
    ),
)
