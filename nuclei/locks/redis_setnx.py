"""``redis-setnx``: ``SETNX key 1`` to take, ``DEL key`` to free. The first lock everybody writes.

Its mistakes are kept on purpose: a holder that dies leaves the key for ever; whoever calls ``DEL`` frees it, holder or
not; a lost reply of ``SETNX`` locks its own client out.
"""

from __future__ import annotations

from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Claim, Grant, LockEntry
from nuclei.locks.redis_lock import CLUSTERS, RECOVERY_MARGIN_NS, TIMES, RedisLock


class RedisSetnx(RedisLock):
    """No owner value: every holder writes ``1``."""

    writes_owner = False

    def take(self, attempt: Attempt) -> Grant | None:
        """SETNX answers 1 when it set the key."""
        return Grant() if self.redis.command("SETNX", self.key, "1") == 1 else None

    def give_back(self, attempt: Attempt | None) -> bool:
        """DEL, whoever asks."""
        return bool(self.redis.command("DEL", self.key))


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex that never lapses: its users believe that only the holder frees it, which is what makes a
    foreign release a violation. It promises (by silence) to be free once nobody is inside, so recovery is judged.

    Refusals are spurious although one atomic command decides: a server out of reach refuses as well (nothing was
    sent), and that says nothing about the lock.
    """
    return Spec(recovery_ns=RECOVERY_MARGIN_NS)


SETNX = "https://redis.io/docs/latest/commands/setnx/ (Design pattern: locking with SETNX)"

LOCK = LockEntry(
    name="redis-setnx",
    summary="SETNX to take, blind DEL to free; no lease, no owner",
    clusters=CLUSTERS,
    make=RedisSetnx,
    spec=spec,
    defaults=TIMES,
    claims=(
        Claim(property="mutual-exclusion", fault="none", verdict="kept", source=SETNX),
        Claim(property="mutual-exclusion", fault="client pause", verdict="kept", source="nothing lapses"),
        Claim(
            property="recovery", fault="client kill", verdict="lost", source=f"{SETNX}: deadlock if the client fails"
        ),
        Claim(property="owner-safe-release", fault="lost reply", verdict="lost", source="DEL asks for no owner"),
        Claim(property="self-block", fault="lost reply", verdict="lost", source="the value names nobody"),
        Claim(
            property="mutual-exclusion",
            fault="failover",
            verdict="lost",
            source="https://redis.io/docs/latest/operate/oss_and_stack/management/replication/ (asynchronous)",
        ),
    ),
)
