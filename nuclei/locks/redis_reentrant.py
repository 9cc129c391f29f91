"""``redis-reentrant``: a hash ``{client:thread: count}`` changed by scripts, a watchdog that renews it every third of
its lease, and waiting on a channel: the lock of Redisson.

* *Re-entry*: whose field it is gets in again and counts up; a release counts down, and at 0 deletes and publishes.
* *Renewal*: a hold lasts as long as its process lives; the lease only says how soon a dead one is noticed.
* *Waking*: a release publishes, and every waiting client asks again. Messages get lost, so nobody waits longer than the
  holder's lease had left when it asked.
* *Idempotent unlock*: one that is repeated after a lost reply does not count down twice.

Its mistake is kept on purpose: a watchdog that was cut off beyond the lease finds the field gone and stops *silently*
(Redisson writes a line to its log), while the holder goes on. It could know, so ``tell`` makes it say so. Of the pause
of its whole process, watchdog included, no lock can tell in time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from histories.spec import MOST, Spec
from nuclei.locks.base import Attempt, Grant, LockContext, LockEntry, Refused
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
from nuclei.locks.redis_channel import RedisChannel
from nuclei.locks.redis_connection import connection_for
from nuclei.locks.redis_lock import (
    CLUSTERS,
    RECOVERY_MARGIN_NS,
    REPLICATED,
    SENTINEL,
    TIMES,
    UNATTENDED,
    RedisLock,
    lease_ns,
)
from nuclei.locks.redis_reentrant_scripts import ACQUIRE, RELEASE, RENEW
from nuclei.locks.redis_set_nx_px import BY_CHANCE, FAILOVER, RESTART, WALL_CLOCK
from nuclei.locks.redis_watchdog import Watchdog

LATCH_MS = 10_000
"""How long a release may be repeated."""


class RedisReentrant(RedisLock):
    """``tell``: whether the watchdog reports a loss that it finds. A subscription is kept once there was a wait."""

    writes_owner = False

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        surroundings = context.surroundings
        self._ttl_ms = self.ttl_ns // 1_000_000
        self._tell = bool(surroundings.settings.get("tell", False))
        self._holder = ""
        self._depth = 0
        self._patience = 0.0
        self._latch: str | None = None
        self._releases = 0
        self._channel_name = f"{self.key}:channel"
        self._channel = RedisChannel(self.redis.find, self._channel_name, surroundings.number("op_timeout", 0.5))
        self._renewals = connection_for(surroundings, self.key)
        self._watchdog = Watchdog(self._renew, self._ttl_ms / 3000, self._found_nothing)

    def take(self, attempt: Attempt) -> Grant | None:
        """One script; renewed from now on."""
        field = self._me()
        left = self.redis.command("EVAL", ACQUIRE, 1, self.key, field, self._ttl_ms)
        if left is not None:
            self._patience = left / 1000 if left >= 0 else self._patience
            return None
        self._holder = field
        self._depth += 1
        self._watchdog.start()
        return Grant(owner=field, depth=self._depth)

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """Try; subscribe and try again; then wait for a release or the end of the holder's lease, and so on. What is
        published after an answer was given is never missed, because the subscription is older."""
        deadline = time.monotonic() + limit
        while True:
            listening = self._channel.forget()
            self._patience = self._retry * self.context.random.uniform(0.5, 1.5)
            try:
                return self.try_acquire(attempt)
            except Refused as refusal:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Refused(f"not granted within {limit} s; the last try: {refusal}") from refusal
            if not listening and not self._channel.subscribe():
                time.sleep(min(self._retry, left))
            elif listening and self._channel.wait(min(self._patience, left)):
                self.context.on_wake("a release was published")

    def give_back(self, attempt: Attempt | None) -> bool:
        """One script, under an id of its own; after an indeterminate result the same id is used again."""
        if self._latch is None:
            self._releases += 1
            self._latch = f"{self.key}:latch:{self._me()}:{self._releases}"
            self._depth = max(0, self._depth - 1)
        if self._depth == 0:
            self._watchdog.stop()
        keys = (self.key, self._channel_name, self._latch)
        try:
            freed = self.redis.command("EVAL", RELEASE, len(keys), *keys, self._me(), self._ttl_ms, LATCH_MS)
        except Refused:
            self._latch = None
            raise
        self._latch = None
        return freed is not None

    def close(self) -> None:
        """End the watchdog, so that the lease runs out, and drop the connections."""
        self._watchdog.close()
        self._renewals.close()
        self._channel.close()
        super().close()

    def _me(self) -> str:
        return f"{self.context.client}:{threading.get_ident()}"

    def _renew(self) -> bool:
        return bool(self._renewals.command("EVAL", RENEW, 1, self.key, self._holder, self._ttl_ms))

    def _found_nothing(self) -> None:
        if self._tell:
            self.context.on_lost("the watchdog found nothing to renew")


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """A re-entrant owner mutex with a lease that its library renews. Refusals are spurious: see ``redis-setnx``."""
    lease = lease_ns(settings)
    return Spec(lease_ns=lease, reentry_limit=MOST, recovery_ns=lease + RECOVERY_MARGIN_NS, renewals="library")


REDISSON = "https://redisson.pro/docs/data-and-services/locks-and-synchronizers/ (Lock)"
WATCHDOG = f"{REDISSON}: lock watchdog prolongs lock expiration while the lock holder instance is alive"
SILENT = "Redisson, RedissonBaseLock.renewExpiration: a renewal that finds nothing ends, and nobody is told"

LONG_HOLDS = Scenario(
    words="holds longer than the lease, some of them re-entered",
    settings=("lock.ttl=500ms", "workload.hold=0.8s", "workload.reenter=0.8", "workload.limit=5s"),
    clients=2,
)
CUT_AND_STAYING = Scenario(
    words="holder cut off from all servers for 2 leases, and stays inside as long",
    faults=("partition:side=client,for=2x",),
    settings=("lock.ttl=600ms", "workload.hold=1.8s"),
)
CLOCK_AND_STAYING = Scenario(
    words="clock of the server in charge jumps a minute ahead during holds of 3 s",
    faults=("clock:by=60s,for=2x",),
    settings=("workload.hold=3s", "workload.limit=6s"),
)

LOCK = LockEntry(
    name="redis-reentrant",
    summary="hash of holder and count by scripts, watchdog every third of the lease, waiters woken by a channel",
    clusters=CLUSTERS,
    make=RedisReentrant,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES, "tell": False},
    claims=(
        *kept("mutual-exclusion", REDISSON, NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED, CUT_WITHIN),
        *kept("mutual-exclusion", REDISSON, SERVER_PAUSED, ISOLATED, on=UNATTENDED),
        *kept("mutual-exclusion", WATCHDOG, LONG_HOLDS),
        *kept("re-entry", f"{REDISSON}: reentrant", LONG_HOLDS),
        *kept("recovery", f"{WATCHDOG}, and no longer", HOLDER_KILLED),
        *lost("mutual-exclusion", f"{WATCHDOG}: it sleeps as well", PAUSE_BEYOND, kind="overstay"),
        *lost("mutual-exclusion", SILENT, CUT_AND_STAYING, kind="overstay", cause="lease-ran-out"),
        *kept("owner-safe-release", f"{REDISSON}: only the owner may unlock", PAUSE_BEYOND, CUT_AND_STAYING),
        *unclaimed(f"{SILENT}; a short hold is over before", CUT_BEYOND),
        *lost("mutual-exclusion", RESTART, SERVER_KILLED, kind="double-grant", cause="restart", on=UNATTENDED),
        *lost("mutual-exclusion", FAILOVER, *PROMOTIONS, kind="double-grant", cause="failover", on=REPLICATED),
        *unclaimed(BY_CHANCE, SERVER_KILLED, SERVER_PAUSED, ISOLATED, on=SENTINEL),
        *lost("mutual-exclusion", WALL_CLOCK, CLOCK_AND_STAYING),
        *unclaimed(f"{WALL_CLOCK}; who waits for a message asks no sooner than the lease ends", CLOCK_AHEAD),
        *kept("mutual-exclusion", WALL_CLOCK, CLOCK_BACK),
    ),
)
