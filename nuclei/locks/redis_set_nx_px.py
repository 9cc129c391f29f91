"""``redis-set-nx-px``: ``SET key owner NX PX milliseconds`` to take, compare-and-delete by script to free.

The pattern of the Redis manual for one server: mutual exclusion within the lease, and nobody frees another's lock. Its
holder may prolong the lease by compare-and-``PEXPIRE``. The scripts are sent whole each time (EVAL): with EVALSHA, a
promoted or flushed server answers NOSCRIPT and an unlock without a fallback leaks the lock.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, LockEntry, Refused
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
from nuclei.locks.redis_lock import (
    LOSING,
    ONE_KEY,
    PROMOTING,
    RECOVERY_MARGIN_NS,
    TIMES,
    UNATTENDED,
    RedisLock,
    lease_ns,
)

COMPARE_AND_DELETE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
"""

EXTEND = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
"""
"""Key; owner value, lease (ms). Only the holder's own lease is prolonged: a key that expired stays gone."""


class RedisSetNxPx(RedisLock):
    """The key holds the owner value of the attempt that took it."""

    def take(self, attempt: Attempt) -> Grant | None:
        """One atomic SET; the lease runs from before it was sent."""
        sent = time.monotonic_ns()
        if self.redis.command("SET", self.key, attempt.owner, "NX", "PX", self.ttl_ns // 1_000_000) is None:
            return None
        return Grant(owner=attempt.owner, lease_until=sent + self.ttl_ns)

    def give_back(self, attempt: Attempt | None) -> bool:
        """Delete the key if it still holds this attempt's owner value."""
        if attempt is None:
            return False
        return bool(self.redis.command("EVAL", COMPARE_AND_DELETE, 1, self.key, attempt.owner))

    def renew(self) -> Grant:
        """A whole lease anew from before it was sent, if the key still holds this attempt's owner value."""
        attempt = self._attempt
        if attempt is None:
            raise Refused("not held: there was nothing of this attempt to renew")
        sent = time.monotonic_ns()
        if not self.redis.command("EVAL", EXTEND, 1, self.key, attempt.owner, self.ttl_ns // 1_000_000):
            raise Refused("not held any more: the key is gone or another's")
        return Grant(owner=attempt.owner, lease_until=sent + self.ttl_ns)


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease. Refusals are spurious: see ``redis-setnx``."""
    lease = lease_ns(settings)
    return Spec(lease_ns=lease, recovery_ns=lease + RECOVERY_MARGIN_NS)


MANUAL = "https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/"
ONE_SERVER = f"{MANUAL} (Correct implementation with a single instance)"
RESTART = f"{MANUAL} (Performance, crash recovery and fsync)"
FAILOVER = f"{MANUAL} (Why failover-based implementations are not enough)"
BY_CHANCE = f"{FAILOVER}: replication is asynchronous, so whether the new primary knows the key is chance"
WALL_CLOCK = f"{MANUAL} (Disclaimer about consistency): expiry goes by the wall clock"
KLEPPMANN = "M. Kleppmann, How to do distributed locking, 2016 (Protecting a resource with a lock)"

LOCK = LockEntry(
    name="redis-set-nx-px",
    summary="SET NX PX with an owner value, released by compare-and-delete in a script",
    clusters=ONE_KEY,
    make=RedisSetNxPx,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES},
    claims=(
        *kept("mutual-exclusion", ONE_SERVER, NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
        *kept("mutual-exclusion", ONE_SERVER, SERVER_PAUSED, ISOLATED, on=UNATTENDED),
        *kept("recovery", f"{ONE_SERVER}: the key expires", HOLDER_KILLED),
        *lost("mutual-exclusion", KLEPPMANN, PAUSE_BEYOND, kind="overstay", cause="lease-ran-out"),
        *kept("lease", ONE_SERVER, PAUSE_BEYOND),
        *kept("owner-safe-release", ONE_SERVER, PAUSE_BEYOND),
        *lost("mutual-exclusion", RESTART, SERVER_KILLED, kind="double-grant", cause="restart", on=UNATTENDED),
        *lost("mutual-exclusion", FAILOVER, *PROMOTIONS, kind="double-grant", cause="failover", on=LOSING),
        *lost("lease", FAILOVER, *PROMOTIONS, on=LOSING),
        *unclaimed(BY_CHANCE, SERVER_KILLED, SERVER_PAUSED, ISOLATED, on=PROMOTING),
        *lost("mutual-exclusion", WALL_CLOCK, CLOCK_AHEAD, kind="double-grant", cause="clock"),
        *kept("mutual-exclusion", WALL_CLOCK, CLOCK_BACK),
    ),
)
