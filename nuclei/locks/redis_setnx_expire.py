"""``redis-setnx-expire``: ``SETNX key 1``, then ``EXPIRE key seconds``; ``DEL key`` to free.

Its mistakes are kept on purpose. *Two commands*: a holder that dies between them leaves a key that never expires. *No
owner*: anybody's ``DEL`` frees it, so a holder that outstayed its lease frees the next one's. *Blind faith*: what
``EXPIRE`` answers is not looked at.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, LockContext, LockEntry
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
    Scenario,
    kept,
    lost,
    unclaimed,
)
from nuclei.locks.redis_lock import (
    GAP,
    LOSING,
    ONE_KEY,
    PROMOTING,
    RECOVERY_MARGIN_NS,
    SECOND_NS,
    TIMES,
    UNATTENDED,
    RedisLock,
    already_taken,
)
from nuclei.locks.redis_set_nx_ex_del import whole_seconds
from nuclei.locks.redis_set_nx_px import BY_CHANCE, FAILOVER, RESTART, WALL_CLOCK


class RedisSetnxExpire(RedisLock):
    """Every holder writes ``1``. ``gap``: seconds between the two commands."""

    writes_owner = False

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._seconds = whole_seconds(context.surroundings.settings)

    def take(self, attempt: Attempt) -> Grant | None:
        """SETNX decides; EXPIRE comes too late for whoever dies before it."""
        if self.redis.command("SETNX", self.key, "1") != 1:
            return None
        self.dawdle()
        sent = time.monotonic_ns()
        with already_taken("SETNX set the key"):
            self.redis.command("EXPIRE", self.key, self._seconds)
        return Grant(lease_until=sent + self._seconds * SECOND_NS)

    def give_back(self, attempt: Attempt | None) -> bool:
        """DEL, whoever holds it by now."""
        return bool(self.redis.command("DEL", self.key))


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease. Refusals are spurious: see ``redis-setnx``."""
    lease = whole_seconds(settings) * SECOND_NS
    return Spec(lease_ns=lease, recovery_ns=lease + RECOVERY_MARGIN_NS)


SETNX = "https://redis.io/docs/latest/commands/setnx/ (Design pattern: locking with SETNX)"
CARLSON = "J. L. Carlson, Redis in Action, 2013, §6.2.5 (Locks with timeouts)"

KILLED_BETWEEN = Scenario(
    words="holder killed between SETNX and EXPIRE, which it takes 0.3 s to send",
    faults=("kill-client:target=c2,client=c1,at=refused",),
    settings=("lock.gap=0.3s", "workload.try_share=1", "workload.hold=10ms", "trial.quiet=500ms"),
    clients=2,
)
"""c1 is refused while c2 dawdles between the two, and then c2 is killed."""

LOCK = LockEntry(
    name="redis-setnx-expire",
    summary="SETNX, then EXPIRE, blind DEL: a holder that dies between the two leaves the lock taken for ever",
    clusters=ONE_KEY,
    make=RedisSetnxExpire,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES, **GAP},
    claims=(
        *kept("mutual-exclusion", SETNX, NO_FAULT),
        *kept("mutual-exclusion", CARLSON, PAUSE_WITHIN, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
        *kept("mutual-exclusion", CARLSON, SERVER_PAUSED, ISOLATED, on=UNATTENDED),
        *kept("recovery", f"{CARLSON}: the key expires", HOLDER_KILLED),
        *lost("recovery", f"{CARLSON}: clients may die between the two", KILLED_BETWEEN, kind="never-came-back"),
        *lost("mutual-exclusion", CARLSON, PAUSE_BEYOND),
        *lost("owner-safe-release", f"{CARLSON}: DEL asks for no owner", PAUSE_BEYOND),
        *lost("mutual-exclusion", RESTART, SERVER_KILLED, kind="double-grant", on=UNATTENDED),
        *lost("mutual-exclusion", FAILOVER, *PROMOTIONS, kind="double-grant", cause="failover", on=LOSING),
        *unclaimed(BY_CHANCE, SERVER_KILLED, SERVER_PAUSED, ISOLATED, on=PROMOTING),
        *lost("mutual-exclusion", WALL_CLOCK, CLOCK_AHEAD, kind="double-grant"),
        *kept("mutual-exclusion", WALL_CLOCK, CLOCK_BACK),
    ),
)
