"""``local``: a mutex inside each process, as in "synchronized on every JVM". The baseline that guards nothing.

It excludes the threads of one process from each other and knows nothing of any other process, so plain contention of
two clients shows two of them inside.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Claim, Grant, Lock, LockContext, LockEntry, Refused


class Local(Lock):
    """A ``threading.Lock`` of this process. A waiter that reached its limit is certainly refused."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._mutex = threading.Lock()

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """Wait in this process only."""
        if not self._mutex.acquire(timeout=max(0.0, limit)):
            raise Refused(f"busy in this process for {limit} s")
        return Grant()

    def release(self) -> None:
        """Free it for this process."""
        if not self._mutex.locked():
            raise Refused("not held in this process")
        self._mutex.release()

    def close(self) -> None:
        """There is nothing to drop."""


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex that never lapses and refuses only when taken: what its users believe they have."""
    return Spec(refusals="exact", recovery_ns=2_000_000_000)


LOCK = LockEntry(
    name="local",
    summary="an in-process mutex in each client: nothing across processes (baseline)",
    clusters=("redis-single", "redis-sentinel", "zookeeper"),
    make=Local,
    spec=spec,
    claims=(
        Claim(
            property="mutual-exclusion",
            fault="none",
            verdict="lost",
            source="Java Language Specification §17.1: a monitor excludes threads of one virtual machine",
        ),
        Claim(
            property="no-lost-update",
            fault="none",
            verdict="lost",
            source="two processes each hold their own mutex, so read-compute-write interleaves",
        ),
        Claim(
            property="recovery",
            fault="client kill",
            verdict="kept",
            source="the mutex ends with its process",
        ),
    ),
)
