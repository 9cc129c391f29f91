"""``local``: a mutex inside each process, as in "synchronized on every JVM". The baseline that guards nothing.

It excludes the threads of one process from each other and knows nothing of any other process, so plain contention of
two clients shows two of them inside.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from histories.spec import Spec
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


MONITOR = "Java Language Specification §17.1: a monitor excludes the threads of one virtual machine"
NO_SERVER = f"{MONITOR}; no server takes part"

LOCK = LockEntry(
    name="local",
    summary="an in-process mutex in each client: nothing across processes (baseline)",
    clusters=("redis-single", "redis-sentinel", "zookeeper"),
    make=Local,
    spec=spec,
    claims=(
        *lost("mutual-exclusion", MONITOR, NO_FAULT, PAUSE_WITHIN, PAUSE_BEYOND, HOLDER_KILLED, CUT_WITHIN, CUT_BEYOND),
        *kept("recovery", f"{MONITOR}: it ends with its machine", HOLDER_KILLED),
        *unclaimed(NO_SERVER, SERVER_KILLED, SERVER_PAUSED, ISOLATED, CLOCK_AHEAD, CLOCK_BACK),
        *unclaimed(NO_SERVER, *PROMOTIONS, on=("redis-sentinel",)),
    ),
)
