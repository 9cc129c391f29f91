"""``redlock-py``: the library of that name, ``redlock.Redlock``, on N independent masters, asked one after the other.

Its only call tries three times, 0.2 s apart, and knows no time limit: a waiting acquire calls it again until the limit
has passed, and a try takes as long as one call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
    SERVER_KILLED,
    SERVER_PAUSED,
    kept,
    lost,
)
from nuclei.locks.redis_py_client import clients_for, lease_spec, redis_py_outcomes


class RedlockPy(Lock):
    """One manager for all attempts; what it handed out last is what a release gives back."""

    def __init__(self, context: LockContext) -> None:
        from redlock import Redlock

        super().__init__(context)
        self._clients = clients_for(context.surroundings)
        self._manager = Redlock(self._clients)
        self._ttl_ms = int(context.surroundings.number("ttl", 2.0) * 1000)
        self._lock: Any = None

    def try_acquire(self, attempt: Attempt) -> Grant:
        """``lock(resource, ttl)``."""
        with outcomes():
            taken = self._manager.lock(self.context.key, self._ttl_ms)
        if not taken:
            raise Refused("busy")
        self._lock = taken
        valid_ns = taken.validity * 1_000_000
        return Grant(owner=taken.key.decode(), lease_until=time.monotonic_ns() + valid_ns)

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """Again and again."""
        deadline = time.monotonic() + limit
        while True:
            try:
                return self.try_acquire(attempt)
            except Refused:
                if time.monotonic() >= deadline:
                    raise

    def release(self) -> None:
        """``unlock(lock)``, which does not say whether it was held, nor what did not answer."""
        lock, self._lock = self._lock, None
        if lock is None:
            raise Refused("not held: the library handed no lock out that was not given back")
        with outcomes():
            self._manager.unlock(lock)

    def close(self) -> None:
        """Drop the connections."""
        for client in self._clients:
            client.close()


@contextmanager
def outcomes() -> Iterator[None]:
    """redlock-py's exception: most masters gave the lock, but some failed, so that nobody is told of it."""
    from redlock import MultipleRedlockException

    try:
        with redis_py_outcomes():
            yield
    except MultipleRedlockException as error:
        raise Indeterminate(f"{len(error.errors)} masters failed: {error}") from error


DOCS = "https://github.com/SPSCommerce/redlock-py (README)"
ALGORITHM = f"{DOCS}: implements the algorithm of http://redis.io/topics/distlock"
VALIDITY = f"{DOCS}: validity, the number of milliseconds the lock will be valid"

LOCK = LockEntry(
    name="redlock-py",
    summary="the library redlock-py: Redlock, masters asked one after the other",
    clusters=("redis-masters",),
    make=RedlockPy,
    spec=lease_spec,
    defaults={"ttl": 2.0},
    claims=(
        *kept("mutual-exclusion", ALGORITHM, NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
        *kept("mutual-exclusion", ALGORITHM, SERVER_KILLED, SERVER_PAUSED, ISOLATED, CLOCK_AHEAD, CLOCK_BACK),
        *kept("recovery", VALIDITY, HOLDER_KILLED),
        *lost("mutual-exclusion", VALIDITY, PAUSE_BEYOND),
        *kept("lease", VALIDITY, PAUSE_BEYOND),
    ),
    libraries=("redlock-py",),
)
