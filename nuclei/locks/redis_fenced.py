"""``redis-fenced``: ``SET key owner NX PX`` and ``INCR key:fence`` in one script; the count is the fencing token.

The holder sends its token with every write, and the resource refuses one that is older than it has seen: a holder that
outstayed its lease can still believe that it holds the lock, but its writes no longer land. Its weakness is kept: the
counter lives on the same server as the lock. A failover that loses the lock loses its token too, and the next holder
is given the very same one, so the resource must also remember *whose* a token was (our ledger does).
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
    PAUSE_AT_WRITE,
    PAUSE_BEYOND,
    PAUSE_WITHIN,
    PROMOTIONS,
    SERVER_KILLED,
    SERVER_PAUSED,
    kept,
    lost,
    unclaimed,
)
from nuclei.locks.redis_lock import CLUSTERS, RECOVERY_MARGIN_NS, REPLICATED, SENTINEL, TIMES, UNATTENDED, lease_ns
from nuclei.locks.redis_set_nx_px import BY_CHANCE, FAILOVER, KLEPPMANN, ONE_SERVER, RESTART, WALL_CLOCK, RedisSetNxPx

# Of the two writes only the first can be refused: a script that has written is not stopped for want of memory.
TAKE_WITH_TOKEN = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return redis.call('INCR', KEYS[2])
end
return 0
"""


class RedisFenced(RedisSetNxPx):
    """Released like ``redis-set-nx-px``. The counter never expires: a token must not come twice."""

    def take(self, attempt: Attempt) -> Grant | None:
        """One atomic script; the lease runs from before it was sent."""
        sent = time.monotonic_ns()
        milliseconds = self.ttl_ns // 1_000_000
        counter = f"{self.key}:fence"
        fence = self.redis.command("EVAL", TAKE_WITH_TOKEN, 2, self.key, counter, attempt.owner, milliseconds)
        if fence == 0:
            return None
        return Grant(owner=attempt.owner, fence=fence, lease_until=sent + self.ttl_ns)


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease, fenced. Refusals are spurious: see ``redis-setnx``."""
    lease = lease_ns(settings)
    return Spec(lease_ns=lease, fenced=True, recovery_ns=lease + RECOVERY_MARGIN_NS)


FENCING = f"{KLEPPMANN}: Making the lock safe with fencing"

BURROWS = "M. Burrows, The Chubby lock service, OSDI 2006, §2.4 (sequencers)"

LOCK = LockEntry(
    name="redis-fenced",
    summary="SET NX PX and INCR in one script: the count is a fencing token that the resource checks",
    clusters=CLUSTERS,
    make=RedisFenced,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES},
    claims=(
        *kept("mutual-exclusion", ONE_SERVER, NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
        *kept("mutual-exclusion", ONE_SERVER, SERVER_PAUSED, ISOLATED, on=UNATTENDED),
        *kept("recovery", f"{ONE_SERVER}: the key expires", HOLDER_KILLED),
        *kept("fencing-at-grant", FENCING, NO_FAULT, PAUSE_BEYOND, PAUSE_AT_WRITE),
        *lost("mutual-exclusion", FENCING, PAUSE_BEYOND, PAUSE_AT_WRITE, kind="overstay", cause="lease-ran-out"),
        *kept("fencing-at-ledger", FENCING, PAUSE_BEYOND, PAUSE_AT_WRITE),
        *kept("lease", ONE_SERVER, PAUSE_BEYOND),
        *kept("owner-safe-release", ONE_SERVER, PAUSE_BEYOND),
        *lost("mutual-exclusion", RESTART, SERVER_KILLED, kind="double-grant", cause="restart", on=UNATTENDED),
        *lost("fencing-at-grant", f"{RESTART}: the counter is forgotten with the lock", SERVER_KILLED, on=UNATTENDED),
        *lost("mutual-exclusion", FAILOVER, *PROMOTIONS, kind="double-grant", cause="failover", on=REPLICATED),
        *lost("fencing-at-grant", f"{FAILOVER}: the counter is replicated no faster", *PROMOTIONS, on=REPLICATED),
        *kept("fencing-at-ledger", f"{BURROWS}: it checks against what it has seen", *PROMOTIONS, on=REPLICATED),
        *unclaimed(BY_CHANCE, SERVER_KILLED, SERVER_PAUSED, ISOLATED, on=SENTINEL),
        *lost("mutual-exclusion", WALL_CLOCK, CLOCK_AHEAD, kind="double-grant", cause="clock"),
        *kept("fencing-at-ledger", f"{FENCING}: whatever clocks say", CLOCK_AHEAD),
        *kept("mutual-exclusion", WALL_CLOCK, CLOCK_BACK),
    ),
)
