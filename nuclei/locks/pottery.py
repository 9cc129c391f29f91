"""``pottery``: the library of that name, ``pottery.Redlock``, on N independent masters, each asked in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

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
    unclaimed,
)
from nuclei.locks.redis_py_client import clients_for, lease_spec, redis_py_outcomes

if TYPE_CHECKING:
    from pottery import Redlock

PREFIX = "redlock:"


class Pottery(Lock):
    """A new ``Redlock`` for each attempt, as the documentation advises."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._masters = frozenset(clients_for(context.surroundings))
        self._ttl = context.surroundings.number("ttl", 2.0)
        self._lock: Redlock | None = None

    def try_acquire(self, attempt: Attempt) -> Grant:
        """``acquire(blocking=False)``."""
        return self._take(blocking=False)

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """``acquire(timeout=limit)``."""
        return self._take(timeout=limit) if limit > 0 else self._take(blocking=False)

    def _take(self, **how: Any) -> Grant:
        from pottery import Redlock

        name = self.context.key.removeprefix(PREFIX)
        lock = Redlock(key=name, masters=self._masters, auto_release_time=self._ttl)
        try:
            with outcomes():
                taken = lock.acquire(**how)
        except Indeterminate:
            self._lock = lock
            raise
        if not taken:
            raise Refused("busy")
        self._lock = lock
        return self._grant(lock)

    def renew(self) -> Grant:
        """``extend()``: the lease anew, three times at most."""
        lock = self._lock_of("renew")
        with outcomes():
            lock.extend()
        return self._grant(lock)

    def release(self) -> None:
        """``release()``."""
        lock = self._lock_of("release")
        with outcomes():
            lock.release()

    def _lock_of(self, what: str) -> Redlock:
        if self._lock is None:
            raise Refused(f"not held: nothing was acquired yet, so there is nothing to {what}")
        return self._lock

    @staticmethod
    def _grant(lock: Redlock) -> Grant:
        return Grant(owner=lock._uuid)  # it has no public name, and is only read

    def close(self) -> None:
        """Drop the connections."""
        for client in self._masters:
            client.close()


@contextmanager
def outcomes() -> Iterator[None]:
    """pottery's exceptions. It says "unlocked" also when masters did not answer; those errors are with it then."""
    from pottery import ExtendUnlockedLock, QuorumIsImpossible, ReleaseUnlockedLock, TooManyExtensions

    try:
        with redis_py_outcomes():
            yield
    except QuorumIsImpossible as error:
        raise Indeterminate(repr(error)) from error
    except TooManyExtensions as error:
        raise Refused(f"extended too often: {error!r}") from error
    except (ExtendUnlockedLock, ReleaseUnlockedLock) as error:
        missing = tuple(error.redis_errors)
        if missing:
            raise Indeterminate(f"{len(missing)} masters did not answer; the first: {missing[0]}") from error
        raise Refused(f"not held: {type(error).__name__}") from error


DOCS = "https://github.com/brainix/pottery#redlock"
LIFE = f"{DOCS}: ensure that your critical section completes well within that timeout"
TOLERANT = f"{DOCS}: you can lose up to 2 out of the 5 Redis masters"

LOCK = LockEntry(
    name="pottery",
    summary="the library pottery: Redlock, all masters asked at once, up to three extensions",
    clusters=("redis-masters",),
    make=Pottery,
    spec=lease_spec,
    defaults={"ttl": 2.0},
    claims=(
        *kept("mutual-exclusion", DOCS, NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
        *kept("mutual-exclusion", TOLERANT, SERVER_KILLED, SERVER_PAUSED, ISOLATED),
        *kept("recovery", f"{DOCS}: to preserve liveness", HOLDER_KILLED),
        *lost("mutual-exclusion", LIFE, PAUSE_BEYOND),
        *kept("lease", LIFE, PAUSE_BEYOND),
        *unclaimed(f"{DOCS} says nothing of clocks", CLOCK_AHEAD, CLOCK_BACK),
    ),
    key_prefix=PREFIX,
    libraries=("pottery",),
)
