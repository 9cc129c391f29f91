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
from nuclei.locks.base import Attempt, Claim, Grant, LockEntry
from nuclei.locks.redis_lock import CLUSTERS, RECOVERY_MARGIN_NS, TIMES, lease_ns
from nuclei.locks.redis_set_nx_px import FAILOVER, KLEPPMANN, ONE_SERVER, RedisSetNxPx

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

LOCK = LockEntry(
    name="redis-fenced",
    summary="SET NX PX and INCR in one script: the count is a fencing token that the resource checks",
    clusters=CLUSTERS,
    make=RedisFenced,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES},
    claims=(
        Claim(property="mutual-exclusion", fault="none", verdict="kept", source=ONE_SERVER),
        Claim(property="fencing-at-grant", fault="none", verdict="kept", source=FENCING),
        Claim(property="recovery", fault="client kill", verdict="kept", source=f"{ONE_SERVER}: the key expires"),
        Claim(property="mutual-exclusion", fault="client pause > TTL", verdict="lost", source=FENCING),
        Claim(property="lease", fault="client pause > TTL", verdict="kept", source=ONE_SERVER),
        Claim(property="owner-safe-release", fault="client pause > TTL", verdict="kept", source=ONE_SERVER),
        Claim(property="fencing-at-ledger", fault="client pause > TTL", verdict="kept", source=FENCING),
        Claim(property="mutual-exclusion", fault="failover", verdict="lost", source=FAILOVER),
        Claim(
            property="fencing-at-grant",
            fault="failover",
            verdict="lost",
            source=f"{FAILOVER}: the counter is replicated no faster than the lock",
        ),
        Claim(
            property="fencing-at-ledger",
            fault="failover",
            verdict="kept",
            source="M. Burrows, The Chubby lock service, OSDI 2006, §2.4: the resource checks against what it has seen",
        ),
    ),
)
