"""A watchdog: a thread that renews a lease while its process lives, so that a hold may last longer than a lease."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from nuclei.locks.base import LockError


class Watchdog:
    """Calls ``renew`` every ``period`` seconds from :meth:`start` to :meth:`stop`, in a thread of its own. When it says
    False, there is nothing left to renew: ``lost`` is called and no more renewals follow until the next start. When it
    raises LockError, nothing is known, and it is tried again a period later."""

    def __init__(self, renew: Callable[[], bool], period: float, lost: Callable[[], None]) -> None:
        self._renew = renew
        self._period = period
        self._lost = lost
        self._changed = threading.Condition()
        self._round = 0
        self._active = False
        self._over = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Renew from now on; the first time a period from now."""
        with self._changed:
            self._round += 1
            self._active = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def stop(self) -> None:
        """No more renewals begin."""
        with self._changed:
            self._active = False
            self._changed.notify_all()

    def close(self, limit: float = 1.0) -> None:
        """End the thread, waiting for a renewal under way at most ``limit`` seconds."""
        with self._changed:
            self._over, self._active = True, False
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(limit)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._active or self._over)
                if self._over:
                    return
                mine = self._round
                if self._changed.wait_for(partial(self._is_over, mine), self._period):
                    continue
            self._try(mine)

    def _try(self, mine: int) -> None:
        """One renewal; what it finds counts only if the same hold is still renewed."""
        try:
            if self._renew():
                return
        except LockError:
            return
        with self._changed:
            if self._is_over(mine):
                return
            self._active = False
        self._lost()

    def _is_over(self, mine: int) -> bool:
        return self._over or not self._active or self._round != mine
