"""``redlock``: ``SET key owner NX PX milliseconds`` on each of N independent masters; whom most of them gave it in time
holds the lock.

The algorithm of S. Sanfilippo, as the manual of Redis states it; its drift is that of his Ruby library. It is valid for
T − elapsed − drift, where drift is 1 % of the lease T and 2 ms: the time that was needed to ask everybody counts, by a
clock that never jumps. Without a majority, or too late, it is freed everywhere, and tried again after a random pause. A
server may take ``op_timeout`` to answer, which is short: one that is down must not cost the lease.

What it does not promise is kept on purpose: a master that comes back without its keys within a lease gives them to the
next one, and no pause of a holder is noticed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from histories.spec import DEFAULT_DRIFT, DEFAULT_MARGIN_NS, Spec
from nuclei.locks.base import Attempt, Grant, Indeterminate, LockContext, LockEntry, Refused
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
from nuclei.locks.redis_lock import RECOVERY_MARGIN_NS, TIMES, KeyLock, lease_ns
from nuclei.locks.redis_majority import RedisMajority
from nuclei.locks.redis_set_nx_px import COMPARE_AND_DELETE, EXTEND, KLEPPMANN

OP_TIMEOUT = 0.05
"""Seconds that one master may take to answer: the manual's upper end, for a lease of seconds."""


class Redlock(KeyLock):
    """The key holds the owner value of the attempt on every master that gave it."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        surroundings = context.surroundings
        places = [surroundings.endpoints[name] for name in surroundings.nodes["redis"]]
        self._masters = RedisMajority(places, surroundings.number("op_timeout", OP_TIMEOUT))
        self._ttl_ms = self.ttl_ns // 1_000_000
        self._valid_ns = self.ttl_ns - int(self.ttl_ns * DEFAULT_DRIFT) - DEFAULT_MARGIN_NS

    def reach(self) -> None:
        """Connections are opened as they are needed: no master has to be there."""

    def take(self, attempt: Attempt) -> Grant | None:
        """Ask every master; what is not a majority in time is no lock, so what was taken is freed again."""
        until = time.monotonic_ns() + self._valid_ns
        votes = self._masters.ask("SET", self.key, attempt.owner, "NX", "PX", self._ttl_ms)
        if votes.yes >= votes.quorum and time.monotonic_ns() < until:
            return Grant(owner=attempt.owner, lease_until=until)
        self._masters.ask("EVAL", COMPARE_AND_DELETE, 1, self.key, attempt.owner)
        return None

    def give_back(self, attempt: Attempt | None) -> bool:
        """Delete the key everywhere, also where it was not given. Once most have answered, too few can still hold it,
        whatever the others do; and it was held until then, unless too many say that they had nothing of it."""
        if attempt is None:
            return False
        votes = self._masters.ask("EVAL", COMPARE_AND_DELETE, 1, self.key, attempt.owner)
        if votes.yes + votes.no < votes.quorum:
            raise Indeterminate(f"only {votes.yes + votes.no} of {votes.of} masters answered")
        return votes.most >= votes.quorum

    def renew(self) -> Grant:
        """A lease anew on every master that still holds the key, which most must do in time. Raises Refused where most
        do not, Indeterminate where too few answered or it took too long."""
        if self._attempt is None:
            raise Refused("not held: there was nothing of this attempt to renew")
        until = time.monotonic_ns() + self._valid_ns
        votes = self._masters.ask("EVAL", EXTEND, 1, self.key, self._attempt.owner, self._ttl_ms)
        if votes.most < votes.quorum:
            raise Refused(f"not held any more: {votes.no} of {votes.of} masters do not have it")
        if votes.yes < votes.quorum or time.monotonic_ns() >= until:
            raise Indeterminate(f"renewed on {votes.yes} of {votes.of} masters, which are too few or were too slow")
        return Grant(owner=self._attempt.owner, lease_until=until)

    def close(self) -> None:
        """Drop all connections."""
        self._masters.close()


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease; the drift and margin of the algorithm are those of the specification. Refusals are
    spurious: clients that ask at the same time may each get too few."""
    lease = lease_ns(settings)
    return Spec(lease_ns=lease, recovery_ns=lease + RECOVERY_MARGIN_NS)


MANUAL = "https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/"
SAFETY = f"{MANUAL} (Safety arguments)"
LIVENESS = f"{MANUAL} (Liveness arguments)"
RECOVERY = f"{MANUAL} (Performance, crash recovery and fsync)"
TIMINGS = "M. Kleppmann, How to do distributed locking, 2016 (Breaking Redlock with bad timings)"

TOLERANT = f"{MANUAL} (Safety and Liveness guarantees): fault tolerance"
UNREPLICATED = f"{MANUAL} (The Redlock Algorithm): the masters do not use replication"

THREE_OF_FIVE = "partition:side=client,how=close,target=c1,from=redis-4+redis-5,client=c2,at=before-release,for=200ms"
"""c1, which waits while c2 gives the lock back, is given it by redis-1 to redis-3 alone."""
STAYING = ("workload.writes=2", "workload.limit=10s", "workload.try_share=0", "workload.think=0.3s")
"""The next fault comes halfway through c1's hold, when it can reach everybody again."""
LONG = ("lock.ttl=6s", "workload.hold=1.2s", "trial.until_violation=on", *STAYING)

ONE_DOWN = Scenario(words="one of five masters killed for 0.7 s", faults=("kill-node:target=redis-3,for=700ms",))
AMNESIA = Scenario(
    words="one of the only three masters that know the holder is back at once without its data",
    faults=(THREE_OF_FIVE, "kill-node:target=redis-3,client=c1,at=before-write,for=50ms"),
    settings=LONG,
    clients=2,
)
LATE_RESTART = Scenario(
    words="one of the only three masters that know the holder is back without its data after 1.2 leases",
    faults=(THREE_OF_FIVE, "kill-node:target=redis-3,client=c1,at=before-write,for=1.2x"),
    settings=("lock.ttl=1.5s", "workload.hold=0.9s", *STAYING),
    clients=2,
)
CLOCK_OF_THE_THIRD = Scenario(
    words="clock of one of the only three masters that know the holder jumps a minute ahead",
    faults=(THREE_OF_FIVE, "clock:by=60s,target=redis-3,client=c1,at=before-write"),
    settings=LONG,
    clients=2,
)

REPLACED = Scenario(
    words="one of the only three masters that know the holder replaced by a replica that does not",
    faults=("failover:target=redis-3,without=redis-4+redis-5",),
    settings=("cluster.replicas=1",),
)

LOCK = LockEntry(
    name="redlock",
    summary="SET NX PX on N independent masters, valid with a majority and what is left of the lease",
    clusters=("redis-masters",),
    make=Redlock,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES, "op_timeout": OP_TIMEOUT},
    claims=(
        *kept("mutual-exclusion", SAFETY, NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
        *kept("recovery", f"{LIVENESS}: the keys expire", HOLDER_KILLED),
        *kept("mutual-exclusion", TOLERANT, ONE_DOWN, SERVER_PAUSED, ISOLATED, CLOCK_BACK),
        *kept("mutual-exclusion", f"{RECOVERY}: delayed restarts", LATE_RESTART),
        *lost("mutual-exclusion", RECOVERY, AMNESIA, kind="double-grant", cause="restart"),
        *lost("mutual-exclusion", UNREPLICATED, REPLACED, kind="double-grant", cause="failover"),
        *lost("mutual-exclusion", TIMINGS, CLOCK_OF_THE_THIRD, kind="double-grant"),
        *unclaimed(f"{TIMINGS}: whether the holder has more than a bare majority is chance", CLOCK_AHEAD),
        *lost("mutual-exclusion", KLEPPMANN, PAUSE_BEYOND, kind="overstay", cause="lease-ran-out"),
        *kept("lease", SAFETY, PAUSE_BEYOND),
        *kept("owner-safe-release", f"{MANUAL} (Correct implementation with a single instance)", PAUSE_BEYOND),
    ),
)
