"""``redis-setnx``: ``SETNX key 1`` to take, ``DEL key`` to free. The first lock everybody writes.

Its mistakes are kept on purpose: a holder that dies leaves the key for ever; whoever calls ``DEL`` frees it, holder or
not; a lost reply of ``SETNX`` locks its own client out.
"""

from __future__ import annotations

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
    PAUSE_BEYOND,
    PAUSE_WITHIN,
    PROMOTIONS,
    SERVER_KILLED,
    SERVER_PAUSED,
    kept,
    lost,
    unclaimed,
)
from nuclei.locks.redis_lock import LOSING, ONE_KEY, PROMOTING, RECOVERY_MARGIN_NS, TIMES, UNATTENDED, RedisLock


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

REPLICATION = "https://redis.io/docs/latest/operate/oss_and_stack/management/replication/ (asynchronous)"
NO_PERSISTENCE = "https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/ (No persistence)"

LOCK = LockEntry(
    name="redis-setnx",
    summary="SETNX to take, blind DEL to free; no lease, no owner",
    clusters=ONE_KEY,
    make=RedisSetnx,
    spec=spec,
    defaults=TIMES,
    claims=(
        *kept("mutual-exclusion", SETNX, NO_FAULT, PAUSE_WITHIN, PAUSE_BEYOND, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
        *kept("mutual-exclusion", SETNX, SERVER_PAUSED, ISOLATED, on=UNATTENDED),
        *kept("mutual-exclusion", f"{SETNX}: no key expires", CLOCK_AHEAD, CLOCK_BACK),
        *lost("recovery", f"{SETNX}: a client that fails blocks everybody", HOLDER_KILLED, kind="never-came-back"),
        *lost("linearizability", NO_PERSISTENCE, SERVER_KILLED, on=UNATTENDED),
        *lost("mutual-exclusion", REPLICATION, *PROMOTIONS, kind="double-grant", cause="failover", on=LOSING),
        *unclaimed(REPLICATION, SERVER_KILLED, SERVER_PAUSED, ISOLATED, on=PROMOTING),
    ),
)
