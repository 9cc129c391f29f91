"""``redis-set-nx-ex-del``: ``SET key value NX EX seconds`` to take, blind ``DEL key`` to free.

Its mistake is kept on purpose: the holder that was paused beyond its lease deletes the next holder's key, and a third
client enters while the second is inside.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Claim, Grant, LockContext, LockEntry
from nuclei.locks.redis_lock import CLUSTERS, RECOVERY_MARGIN_NS, SECOND_NS, TIMES, RedisLock, lease_ns


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
    clusters=CLUSTERS,
    make=RedisSetNxExDel,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES},
    claims=(
        Claim(property="mutual-exclusion", fault="none", verdict="kept", source=SET),
        Claim(property="mutual-exclusion", fault="client pause < TTL", verdict="kept", source=SET),
        Claim(property="recovery", fault="client kill", verdict="kept", source=f"{SET}: the key expires by itself"),
        Claim(property="owner-safe-release", fault="client pause > TTL", verdict="lost", source=SET),
        Claim(property="mutual-exclusion", fault="client pause > TTL", verdict="lost", source=SET),
        Claim(property="lease", fault="client pause > TTL", verdict="lost", source=f"{SET}: a key created by another"),
    ),
)
