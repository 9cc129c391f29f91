"""Locks inside one process, for the probe: sound ones, and some that cannot be shared as they are."""

from __future__ import annotations

import asyncio
import os
import threading

from nuclei.locks.base import Attempt, Grant, Lock, LockContext, Refused


class Shared(Lock):
    """Sound for threads and in an event loop; a forked child has a mutex of its own, as it was at the fork."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self.mutex = threading.Lock()

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        if not self.mutex.acquire(timeout=limit):
            raise Refused("busy")
        return Grant(owner=attempt.owner)

    def release(self) -> None:
        self.mutex.release()

    def close(self) -> None:
        self.context.on_lost("closed")


class ForAll(Shared):
    """Grants everybody."""

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        return Grant(owner=attempt.owner)

    def release(self) -> None: ...


class OneThread(Shared):
    """Knows the thread that made it."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self.maker = threading.get_ident()

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        if threading.get_ident() != self.maker:
            raise RuntimeError("another thread")
        return super().acquire(attempt, limit)


class OneProcess(Shared):
    """Raises in a forked child."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self.maker = os.getpid()

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        if os.getpid() != self.maker:
            raise RuntimeError("another process")
        return super().acquire(attempt, limit)


class OwnLoop(Shared):
    """Drives an event loop of its own."""

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        work = asyncio.sleep(0)
        try:
            asyncio.run(work)
        finally:
            work.close()
        return super().acquire(attempt, limit)
