"""``redis-py``: the lock of redis-py, ``redis.lock.Lock``, on one server or the primary that Sentinel names."""

from __future__ import annotations

from typing import Any

from nuclei.locks.base import Attempt, Grant, Lock, LockContext, LockEntry, Refused
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
from nuclei.locks.redis_py_client import CLUSTERS, client_for, lease_spec, redis_py_outcomes


class RedisPy(Lock):
    """One ``Lock`` for all attempts; each brings its owner value as the token, which the library lets a caller do."""

    writes_owner = True
    safe_for = frozenset({"threads", "fork", "asyncio"})

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._client = client_for(context.surroundings)
        self._lock = self._client.lock(context.key, timeout=context.surroundings.number("ttl", 2.0))
        self._owner = ""

    def try_acquire(self, attempt: Attempt) -> Grant:
        """``acquire(blocking=False)``."""
        return self._take(attempt, blocking=False)

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """``acquire(blocking_timeout=limit)``: a try every 0.1 s."""
        return self._take(attempt, blocking_timeout=limit)

    def _take(self, attempt: Attempt, **how: Any) -> Grant:
        with redis_py_outcomes():
            taken = self._lock.acquire(token=attempt.owner, **how)
        if not taken:
            raise Refused("busy")
        self._owner = attempt.owner
        return Grant(owner=attempt.owner)

    def renew(self) -> Grant:
        """``reacquire()``: the lease anew."""
        with redis_py_outcomes():
            self._lock.reacquire()
        return Grant(owner=self._owner)

    def release(self) -> None:
        """``release()``. The library forgets its token first, so there is nothing to repeat after a lost reply."""
        with redis_py_outcomes():
            self._lock.release()

    def close(self) -> None:
        """Drop the connections."""
        self._client.close()


DOCS = "https://redis.readthedocs.io/en/stable/lock.html"
LIFE = f"{DOCS}: timeout indicates a maximum life for the lock in seconds"
TOKEN = f"{DOCS}: thread_local, whose example is that no other's lock is released"
SILENT = f"{DOCS} says nothing of its servers' failures"

CLAIMS = (
    *kept("mutual-exclusion", f"{DOCS}: a shared, distributed Lock", NO_FAULT),
    *kept("mutual-exclusion", LIFE, PAUSE_WITHIN, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
    *kept("recovery", LIFE, HOLDER_KILLED),
    *lost("mutual-exclusion", LIFE, PAUSE_BEYOND),
    *kept("lease", LIFE, PAUSE_BEYOND),
    *kept("owner-safe-release", TOKEN, PAUSE_BEYOND),
    *unclaimed(SILENT, SERVER_KILLED, SERVER_PAUSED, ISOLATED, *PROMOTIONS, CLOCK_AHEAD, CLOCK_BACK),
)

LOCK = LockEntry(
    name="redis-py",
    summary="the library redis-py: redis.lock.Lock with a timeout",
    clusters=CLUSTERS,
    make=RedisPy,
    spec=lease_spec,
    defaults={"ttl": 2.0},
    claims=CLAIMS,
)
