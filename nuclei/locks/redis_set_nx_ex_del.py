"""``redis-set-nx-ex-del``: ``SET key value NX EX seconds`` to take, blind ``DEL key`` to free.

Its mistake is kept on purpose: the holder that was paused beyond its lease deletes the next holder's key, and a third
client enters while the second is inside.
"""

from __future__ import annotations

import math
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
    kept,
    lost,
    unclaimed,
)
from nuclei.locks.redis_lock import (
    LOSING,
    ONE_KEY,
    PROMOTING,
    RECOVERY_MARGIN_NS,
    SECOND_NS,
    TIMES,
    UNATTENDED,
    RedisLock,
    lease_ns,
)
from nuclei.locks.redis_set_nx_px import BY_CHANCE, FAILOVER, RESTART, WALL_CLOCK


def whole_seconds(settings: Mapping[str, float | int | str | bool]) -> int:
    """EX takes whole seconds: ``ttl`` rounded up."""
    return max(1, math.ceil(lease_ns(settings) / SECOND_NS))


class RedisSetNxExDel(RedisLock):
    """The value is written and never looked at again."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._seconds = whole_seconds(context.surroundings.settings)

    def take(self, attempt: Attempt) -> Grant | None:
        """One atomic SET."""
        sent = time.monotonic_ns()
        if self.redis.command("SET", self.key, attempt.owner, "NX", "EX", self._seconds) is None:
            return None
        return Grant(owner=attempt.owner, lease_until=sent + self._seconds * SECOND_NS)

    def give_back(self, attempt: Attempt | None) -> bool:
        """DEL, whoever holds it by now."""
        return bool(self.redis.command("DEL", self.key))


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease. Refusals are spurious: see ``redis-setnx``."""
    lease = whole_seconds(settings) * SECOND_NS
    return Spec(lease_ns=lease, recovery_ns=lease + RECOVERY_MARGIN_NS)


SET = "https://redis.io/docs/latest/commands/set/ (Patterns: the lock can be made more robust)"

LOCK = LockEntry(
    name="redis-set-nx-ex-del",
    summary="SET NX EX to take, blind DEL to free; a lease, but anybody's release frees it",
    clusters=ONE_KEY,
    make=RedisSetNxExDel,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES},
    claims=(
        *kept("mutual-exclusion", SET, NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
        *kept("mutual-exclusion", SET, SERVER_PAUSED, ISOLATED, on=UNATTENDED),
        *kept("recovery", f"{SET}: the key expires by itself", HOLDER_KILLED),
        *lost("mutual-exclusion", SET, PAUSE_BEYOND),
        *lost("owner-safe-release", f"{SET}: a key created by another", PAUSE_BEYOND),
        *lost("lease", f"{SET}: a key created by another", PAUSE_BEYOND, kind="double-grant"),
        *lost("mutual-exclusion", RESTART, SERVER_KILLED, kind="double-grant", cause="restart", on=UNATTENDED),
        *lost("mutual-exclusion", FAILOVER, *PROMOTIONS, kind="double-grant", cause="failover", on=LOSING),
        *unclaimed(BY_CHANCE, SERVER_KILLED, SERVER_PAUSED, ISOLATED, on=PROMOTING),
        *lost("mutual-exclusion", WALL_CLOCK, CLOCK_AHEAD, kind="double-grant", cause="clock"),
        *kept("mutual-exclusion", WALL_CLOCK, CLOCK_BACK),
    ),
)
