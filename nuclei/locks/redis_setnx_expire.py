"""``redis-setnx-expire``: ``SETNX key 1``, then ``EXPIRE key seconds``; ``DEL key`` to free.

Its mistakes are kept on purpose. *Two commands*: a holder that dies between them leaves a key that never expires. *No
owner*: anybody's ``DEL`` frees it, so a holder that outstayed its lease frees the next one's. *Blind faith*: what
``EXPIRE`` answers is not looked at.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Claim, Grant, LockContext, LockEntry
from nuclei.locks.redis_lock import CLUSTERS, GAP, RECOVERY_MARGIN_NS, SECOND_NS, TIMES, RedisLock, already_taken
from nuclei.locks.redis_set_nx_ex_del import whole_seconds


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

LOCK = LockEntry(
    name="redis-setnx-expire",
    summary="SETNX, then EXPIRE, blind DEL: a holder that dies between the two leaves the lock taken for ever",
    clusters=CLUSTERS,
    make=RedisSetnxExpire,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES, **GAP},
    claims=(
        Claim(property="mutual-exclusion", fault="none", verdict="kept", source=SETNX),
        Claim(property="mutual-exclusion", fault="client pause < TTL", verdict="kept", source=CARLSON),
        Claim(property="recovery", fault="client kill after the grant", verdict="kept", source=CARLSON),
        Claim(
            property="recovery",
            fault="client kill between SETNX and EXPIRE",
            verdict="lost",
            source=f"{CARLSON}: clients may die between the two, so others must look for a missing expiry",
        ),
        Claim(property="mutual-exclusion", fault="client pause > TTL", verdict="lost", source="the key expires"),
        Claim(
            property="owner-safe-release", fault="client pause > TTL", verdict="lost", source="DEL asks for no owner"
        ),
    ),
)
