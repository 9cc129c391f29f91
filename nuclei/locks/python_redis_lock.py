"""``python-redis-lock``: the library of that name, ``redis_lock.Lock``, whose waiters block in ``BLPOP``.

It counts in whole seconds: ``lock.ttl`` loses its fraction, and a limit is rounded, but is at least 1 s where a caller
waits at all, and no longer than the lease where that is not renewed (anything else the library refuses or waits for
ever). With ``lock.auto_renewal`` a thread prolongs the lease; when that thread dies, the library tells nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockContext, LockEntry, Refused
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

PREFIX = "lock:"


class PythonRedisLock(Lock):
    """A new ``Lock`` for each attempt, as the documentation shows, with the attempt's owner value as its ``id``."""

    writes_owner = True

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._client = client_for(context.surroundings)
        self._expire = int(context.surroundings.number("ttl", 2.0))
        self._renews = bool(context.surroundings.settings.get("auto_renewal", False))
        self._lock: Any = None

    def try_acquire(self, attempt: Attempt) -> Grant:
        """``acquire(blocking=False)``."""
        return self._take(attempt, blocking=False)

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """``acquire(timeout=seconds)``."""
        if limit <= 0:
            return self.try_acquire(attempt)
        seconds = max(1, round(limit))
        return self._take(attempt, timeout=seconds if self._renews else min(seconds, self._expire))

    def _take(self, attempt: Attempt, **how: Any) -> Grant:
        from redis_lock import Lock as LibraryLock

        name = self.context.key.removeprefix(PREFIX)
        lock = LibraryLock(self._client, name, expire=self._expire, id=attempt.owner, auto_renewal=self._renews)
        try:
            with redis_py_outcomes():
                taken = lock.acquire(**how)
        except Indeterminate:
            self._lock = lock
            raise
        if not taken:
            raise Refused("busy")
        self._lock = lock
        return Grant(owner=lock.id)

    def renew(self) -> Grant:
        """``extend()``: the lease anew."""
        self._ask("extend")
        return Grant(owner=self._lock.id)

    def release(self) -> None:
        """``release()``."""
        self._ask("release")

    def _ask(self, method: str) -> None:
        from redis_lock import NotAcquired

        if self._lock is None:
            raise Refused("not held: nothing was acquired yet")
        try:
            with redis_py_outcomes():
                getattr(self._lock, method)()
        except NotAcquired as error:
            raise Refused(f"not held: {error}") from error

    def close(self) -> None:
        """Drop the lock, whose renewals end with it, and the connections."""
        self._lock = None
        self._client.close()


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease of whole seconds, which the library renews where it is asked to."""
    plain = lease_spec({**settings, "ttl": int(float(settings.get("ttl", 2)))})
    return replace(plain, renewals="library" if settings.get("auto_renewal") else "calls")


DOCS = "https://python-redis-lock.readthedocs.io/en/latest/readme.html"
EXPIRE = "redis_lock.Lock: expire, the lock expiry time in seconds"
SILENT = f"{DOCS} says nothing of its servers' failures"

LOCK = LockEntry(
    name="python-redis-lock",
    summary="the library python-redis-lock: SET NX EX, waiters block in BLPOP, renewed by a thread if auto_renewal",
    clusters=CLUSTERS,
    make=PythonRedisLock,
    spec=spec,
    defaults={"ttl": 2.0, "auto_renewal": False},
    claims=(
        *kept("mutual-exclusion", f"{DOCS} (Usage)", NO_FAULT),
        *kept("mutual-exclusion", EXPIRE, PAUSE_WITHIN, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
        *kept("recovery", EXPIRE, HOLDER_KILLED),
        *lost("mutual-exclusion", EXPIRE, PAUSE_BEYOND),
        *kept("lease", EXPIRE, PAUSE_BEYOND),
        *kept("owner-safe-release", f"{DOCS} (Usage): id", PAUSE_BEYOND),
        *unclaimed(SILENT, SERVER_KILLED, SERVER_PAUSED, ISOLATED, *PROMOTIONS, CLOCK_AHEAD, CLOCK_BACK),
    ),
    key_prefix=PREFIX,
    libraries=("python-redis-lock",),
)
