"""A holder kept inside while a fault is at work, so that a second holder gets its chance to be let in beside it.

It stays within its lease (a sound holder would not stay beyond), and never beyond being told that it lost the lock.
"""

from __future__ import annotations

import time

from faults.watch import Watch
from nuclei.clients.process import ClientGone, ClientProcess
from nuclei.clients.protocol import Go, Hold

BESIDE = 0.15
"""Seconds that it stays after somebody else was let in."""


class Linger:
    """Lets ``client``, which stands at the trigger's barrier, go on to ``before-release`` and holds it there.

    ``limit``: when it leaves at the latest (time.monotonic); ``since``: others' grants count from then (same clock).
    ``shared``: others may be inside with it by right, so that their grants end nothing."""

    def __init__(
        self, process: str, client: ClientProcess, watch: Watch, since: float, limit: float, *, shared: bool = False
    ) -> None:
        self._process = process
        self._client = client
        self._watch = watch
        self._since_ns = int(since * 1e9)
        self._limit = limit
        self._shared = shared
        self._over = False
        # By itself at the limit: whoever drives the fault may be busy healing it by then.
        client.send(Hold(point="before-release", times=1, seconds=self._left()))
        client.send(Go())

    def while_alone(self, seconds: float, *, leased: bool) -> None:
        """Keep it inside until another client is let in, at most for ``seconds``, and one with a lease that is still
        alive within its limit; then let it go at once, so that what it does to the lock hits one that has just begun.

        Raises Interrupted."""
        now = time.monotonic_ns()
        watch = self._watch
        left = self._left() if leased else None
        deadline = time.monotonic() + (seconds if left is None else min(seconds, left))
        watch.until(lambda: watch.joined_since(now, self._process) or self._gone(), deadline)
        self.end()

    def until_joined(self, deadline: float) -> None:
        """Keep it inside until somebody joined it or it left, at most until ``deadline`` or its own limit.

        Raises Interrupted."""
        if self._over:
            return
        joined = self._watch.until(self._joined_or_gone, min(deadline, self._limit))
        if joined:
            self._watch.until(self._gone, min(self._limit, time.monotonic() + BESIDE))
        if joined or time.monotonic() >= self._limit:
            self.end()

    def end(self) -> None:
        """Let it go; idempotent."""
        if self._over:
            return
        self._over = True
        try:
            self._client.send(Hold(point="before-release", times=0))
        except ClientGone:
            return

    def _left(self) -> float | None:
        """Seconds to its limit, None where that has passed already."""
        left = self._limit - time.monotonic()
        return left if left > 0 else None

    def _joined_or_gone(self) -> bool:
        return (not self._shared and self._others_since()) or self._gone()

    def _others_since(self) -> bool:
        return self._watch.joined_since(self._since_ns, self._process) is not None

    def _gone(self) -> bool:
        return self._process not in self._watch.inside() or not self._client.alive
