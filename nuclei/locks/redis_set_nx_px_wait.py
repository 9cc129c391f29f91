"""``redis-set-nx-px-wait``: ``SET key owner NX PX``, then ``WAIT 1``: a replica must have it, or it is freed again.

A promoted replica that had confirmed the lock knows it, so a primary that is just killed loses nothing. What it does
not promise is kept on purpose: the replica that confirmed is not the one that must be promoted, and a primary that
comes back empty before anybody was promoted makes its replicas empty, too. With fewer replicas than are to confirm
(one server) nobody ever gets in, so it does not run there.
"""

from __future__ import annotations

from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, Indeterminate, LockContext, LockEntry
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
    SERVER_PAUSED,
    Scenario,
    kept,
    lost,
    unclaimed,
)
from nuclei.locks.redis_lock import RECOVERY_MARGIN_NS, SECOND_NS, SENTINEL, TIMES, already_taken, lease_ns
from nuclei.locks.redis_set_nx_px import KLEPPMANN, ONE_SERVER, WALL_CLOCK, RedisSetNxPx

REPLICAS = 1
DEFAULT_WAIT = 0.2
NO_REPLICA_NS = 20 * SECOND_NS
"""Added to the promised recovery: nobody gets in before a replica follows the new primary, and Sentinel takes up to
18 s to make one of a former primary that came back (before Redis 7)."""


class RedisSetNxPxWait(RedisSetNxPx):
    """Released like ``redis-set-nx-px``. ``wait``: seconds that replicas may take to confirm (less than
    ``op_timeout``, or a primary without replicas would look like one that does not answer)."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._wait_ms = int(context.surroundings.number("wait", DEFAULT_WAIT) * 1000)

    def take(self, attempt: Attempt) -> Grant | None:
        """SET, WAIT, and free it again when nobody confirmed; the lease runs from before the SET.

        WAIT is about the writes of its own connection: on another one it would confirm at once that there were none."""
        grant = super().take(attempt)
        if grant is None:
            return None
        with already_taken("SET took the key"):
            if self._confirmed():
                return grant
            self.give_back(attempt)
        return None

    def renew(self) -> Grant:
        """Renew, WAIT. Raises Indeterminate when nobody confirmed: it is renewed where it may be lost."""
        grant = super().renew()
        with already_taken("the primary renewed it"):
            if not self._confirmed():
                raise Indeterminate("the primary renewed it, but no replica confirmed in time")
        return grant

    def _confirmed(self) -> bool:
        opened = self.redis.opened
        confirmed: int = self.redis.command("WAIT", REPLICAS, self._wait_ms)
        return confirmed >= REPLICAS and self.redis.opened == opened


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease. Refusals are spurious: it refuses while free when no replica confirms."""
    lease = lease_ns(settings)
    return Spec(lease_ns=lease, recovery_ns=lease + RECOVERY_MARGIN_NS + NO_REPLICA_NS)


WAIT = "https://redis.io/docs/latest/commands/wait/ (Consistency and WAIT)"
NO_PERSISTENCE = (
    "https://redis.io/docs/latest/operate/oss_and_stack/management/replication/ "
    "(Safety of replication when master has persistence turned off)"
)

REPLICAS_CUT = Scenario(
    words="replication cut, then, once somebody was refused for it, the primary killed",
    faults=("failover:at=refused",),
    settings=("lock.ttl=6s",),
)
BARE_KILL = Scenario(
    words="primary killed during a hold of 5 s, and gone for 8 s",
    faults=("kill-node:at=before-write,for=8s",),
    settings=("lock.ttl=10s", "workload.writes=2", "workload.hold=5s"),
)
QUICK_RESTART = Scenario(
    words="primary killed and back without its data before anybody was promoted",
    faults=("kill-node:for=0.1s",),
    settings=("cluster.down_after=5s",),
)

LOCK = LockEntry(
    name="redis-set-nx-px-wait",
    summary="SET NX PX, then WAIT 1: granted once a replica has it too, else freed again",
    clusters=("redis-sentinel",),
    make=RedisSetNxPxWait,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES, "wait": DEFAULT_WAIT},
    claims=(
        *kept("mutual-exclusion", ONE_SERVER, NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
        *kept("recovery", f"{ONE_SERVER}: the key expires", HOLDER_KILLED),
        *lost("mutual-exclusion", KLEPPMANN, PAUSE_BEYOND, kind="overstay", cause="lease-ran-out"),
        *kept("lease", ONE_SERVER, PAUSE_BEYOND),
        *kept("owner-safe-release", ONE_SERVER, PAUSE_BEYOND),
        *kept("mutual-exclusion", WAIT, REPLICAS_CUT, BARE_KILL, on=SENTINEL),
        *lost("mutual-exclusion", NO_PERSISTENCE, QUICK_RESTART, kind="double-grant", cause="restart", on=SENTINEL),
        *unclaimed(f"{WAIT}: a write that replicas confirmed may still be lost", SERVER_PAUSED, ISOLATED),
        *lost("mutual-exclusion", WALL_CLOCK, CLOCK_AHEAD, kind="double-grant", cause="clock"),
        *kept("mutual-exclusion", WALL_CLOCK, CLOCK_BACK),
    ),
)
