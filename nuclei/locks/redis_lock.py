"""What our own Redis locks share: the connection, waiting by trying again, and which attempt a release belongs to.

The algorithms themselves (which commands, in which order) are in a file each.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockContext, Refused
from nuclei.locks.redis_connection import connection_for

SINGLE, SENTINEL = ("redis-single",), ("redis-sentinel",)
REPLICA = ("redis-replica",)
CLUSTERS = (*SINGLE, *SENTINEL, *REPLICA)
ONE_KEY = (*CLUSTERS, "redis-cluster")
"""Where a lock can run that is one key: Redis Cluster does nothing to two keys at once."""
UNATTENDED = (*SINGLE, *REPLICA)
"""Where nobody is promoted unless somebody acts."""
REPLICATED = (*SENTINEL, *REPLICA)
PROMOTING = (*SENTINEL, "redis-cluster")
"""Where servers promote by themselves, for locks that are one key."""
LOSING = (*PROMOTING, *REPLICA)
"""Where a promotion may lose a key, for locks that are one key."""
TIMES: Mapping[str, float | int | str | bool] = {"op_timeout": 0.5, "retry": 0.05}
"""Settings of every lock here, in seconds: limit of one command, and the mean pause between two tries."""
GAP: Mapping[str, float | int | str | bool] = {"gap": 0.0}
"""Setting of locks that need two commands where one would do: seconds to dawdle between them. Every program has that
gap; ours can be made wide, so that what goes wrong in it can be shown at will."""

SECOND_NS = 1_000_000_000
RECOVERY_MARGIN_NS = 2 * SECOND_NS
"""Added to the lease for the promised recovery: a waiter's pauses, time-outs and a new connection."""


def lease_ns(settings: Mapping[str, float | int | str | bool], default: float = 2.0) -> int:
    """The lease the lock asks for, in ns, from the setting ``ttl`` in seconds."""
    return int(float(settings.get("ttl", default)) * SECOND_NS)


class KeyLock(Lock):
    """A lock on one key, wherever that is kept. ``reach``, ``take`` and ``give_back`` are the algorithm; trying again,
    and which attempt a release belongs to, is here."""

    writes_owner = True

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self.key = context.key
        self.ttl_ns = lease_ns(context.surroundings.settings)
        self._retry = context.surroundings.number("retry", float(TIMES["retry"]))
        self._attempt: Attempt | None = None

    @abstractmethod
    def reach(self) -> None:
        """Be connected. Raises Refused: nothing was asked yet."""

    @abstractmethod
    def take(self, attempt: Attempt) -> Grant | None:
        """Ask once; None when it is taken. The connection is ready."""

    @abstractmethod
    def give_back(self, attempt: Attempt | None) -> bool:
        """Ask once to free it; whether something was freed. ``attempt``: the one to release, if there was any."""

    def connect(self) -> None:
        """Open the connection."""
        self.reach()

    def try_acquire(self, attempt: Attempt) -> Grant:
        """One try."""
        self.reach()
        try:
            grant = self.take(attempt)
        except Indeterminate:
            self._attempt = attempt
            raise
        if grant is None:
            raise Refused("busy")
        self._attempt = attempt
        return grant

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """Try, pause 50–150 % of ``retry``, try again. A try begun before the limit may end after it by as much as
        its own time limits (it is not cut short: that would make refusals indeterminate)."""
        deadline = time.monotonic() + limit
        while True:
            try:
                return self.try_acquire(attempt)
            except Refused as refusal:
                pause = self._retry * self.context.random.uniform(0.5, 1.5)
                if time.monotonic() + pause >= deadline:
                    raise Refused(f"not granted within {limit} s; the last try: {refusal}") from refusal
            time.sleep(pause)

    def release(self) -> None:
        """Free the lock of the last granted or indeterminate attempt."""
        attempt = self._attempt
        freed = self.give_back(attempt)
        self._attempt = None
        if not freed:
            raise Refused("not held: there was nothing of this attempt to free")


class RedisLock(KeyLock):
    """A lock on one key of the one server in charge."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self.redis = connection_for(context.surroundings, context.key)
        self._gap = context.surroundings.number("gap", 0.0)

    def reach(self) -> None:
        """Be connected to the server in charge."""
        self.redis.ready()

    def dawdle(self) -> None:
        """The gap between two commands, as wide as the setting ``gap`` says."""
        if self._gap > 0:
            time.sleep(self._gap)

    def close(self) -> None:
        """Drop the connection."""
        self.redis.close()


@contextmanager
def already_taken(how: str) -> Iterator[None]:
    """For commands after the one that took the key: even where they were certainly not executed, the key is there, so
    the acquire as a whole is indeterminate."""
    try:
        yield
    except Refused as refusal:
        raise Indeterminate(f"{how}; then: {refusal}") from refusal


@contextmanager
def nothing_taken() -> Iterator[None]:
    """For commands before the one that takes the key: whatever became of them, this attempt certainly has nothing."""
    try:
        yield
    except Indeterminate as error:
        raise Refused(f"busy, and who holds it is not known: {error}") from error
