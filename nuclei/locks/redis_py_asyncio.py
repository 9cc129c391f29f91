"""``redis-py-asyncio``: the asyncio lock of redis-py, ``redis.asyncio.lock.Lock``, as ``redis-py`` otherwise.

The session's thread drives an event loop that belongs to this adapter, one call at a time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockContext, LockEntry, Refused
from nuclei.locks.redis_py import CLAIMS
from nuclei.locks.redis_py_client import CLUSTERS, asyncio_client_for, lease_spec, redis_py_outcomes

CLOSE_LIMIT = 0.4
"""Seconds that a cancelled call may take to end, and then the connections to close."""


class RedisPyAsyncio(Lock):
    """One ``Lock`` for all attempts; each brings its owner value as the token."""

    writes_owner = True

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._loop = asyncio.new_event_loop()
        self._client = asyncio_client_for(context.surroundings)
        self._lock = self._client.lock(context.key, timeout=context.surroundings.number("ttl", 2.0))
        self._owner = ""
        self._driving = threading.Lock()

    def try_acquire(self, attempt: Attempt) -> Grant:
        """``acquire(blocking=False)``."""
        return self._take(attempt, self._lock.acquire(token=attempt.owner, blocking=False))

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """``acquire(blocking_timeout=limit)``: a try every 0.1 s."""
        return self._take(attempt, self._lock.acquire(token=attempt.owner, blocking_timeout=limit))

    def _take(self, attempt: Attempt, call: Coroutine[Any, Any, bool]) -> Grant:
        if not self._drive(call):
            raise Refused("busy")
        self._owner = attempt.owner
        return Grant(owner=attempt.owner)

    def renew(self) -> Grant:
        """``reacquire()``: the lease anew."""
        self._drive(self._lock.reacquire())
        return Grant(owner=self._owner)

    def release(self) -> None:
        """``release()``."""
        self._drive(self._lock.release())

    def _drive(self, call: Coroutine[Any, Any, Any]) -> Any:
        with self._driving, redis_py_outcomes():
            try:
                return self._loop.run_until_complete(call)
            except asyncio.CancelledError as error:
                raise Indeterminate("closed while the call was under way") from error

    def close(self) -> None:
        """Cancel what another thread's call is doing, then drop the connections."""
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._cancel)
        if not self._driving.acquire(timeout=CLOSE_LIMIT):
            return
        try:
            if not self._loop.is_closed():
                with suppress(Exception):
                    self._loop.run_until_complete(asyncio.wait_for(self._client.aclose(), CLOSE_LIMIT))
                self._loop.close()
        finally:
            self._driving.release()

    def _cancel(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()


LOCK = LockEntry(
    name="redis-py-asyncio",
    summary="the library redis-py: redis.asyncio.lock.Lock with a timeout, driven by an event loop of its own",
    clusters=CLUSTERS,
    make=RedisPyAsyncio,
    spec=lease_spec,
    defaults={"ttl": 2.0},
    claims=CLAIMS,
)
