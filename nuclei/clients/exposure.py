"""Which attempt a lock's own threads may speak about now, and what they said: the lock is lost, a waiter was woken."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from histories.rows import Event, Told, Wake


class Exposure:
    """From an acquire's call to its release's call one attempt is *exposed*: a report outside that time, or by a lock
    instance that was given up, is about the past and is not recorded. May be called from any thread.

    ``write`` records a row; ``nudge`` is called after a loss was recorded, so that sleepers look.
    """

    def __init__(self, key: str, write: Callable[[Event], None], nudge: Callable[[], None]) -> None:
        self._key = key
        self._write = write
        self._nudge = nudge
        self._mutex = threading.Lock()
        self._client = ""
        self._generation = 0
        self._attempt: str | None = None
        self._told_of: str | None = None
        self.losses = 0

    def fresh(self, client: str) -> tuple[Callable[[str], None], Callable[[str], None]]:
        """The callbacks (lost, woken) of a new lock instance; those of earlier ones fall silent."""
        with self._mutex:
            self._generation += 1
            self._client, self._attempt = client, None
            mine = self._generation
        return lambda how: self._lost(mine, how), lambda how: self._woken(mine, how)

    def silence(self) -> None:
        """No lock instance has a say any more."""
        self.fresh("")

    def expose(self, attempt: str | None) -> None:
        """From now on reports are about ``attempt`` (None: about nothing)."""
        with self._mutex:
            self._attempt = attempt

    @property
    def lost(self) -> bool:
        """Whether the exposed attempt was reported lost."""
        with self._mutex:
            return self._attempt is not None and self._told_of == self._attempt

    def _lost(self, generation: int, how: str) -> None:
        now = time.monotonic_ns()
        with self._mutex:
            attempt = self._attempt
            if attempt is None or attempt == self._told_of or generation != self._generation:
                return
            self._told_of = attempt
            self.losses += 1
            self._write(Told(t=now, client=self._client, lock=self._key, attempt=attempt, how=how))
        self._nudge()

    def _woken(self, generation: int, how: str) -> None:
        now = time.monotonic_ns()
        with self._mutex:
            if self._attempt is not None and generation == self._generation:
                self._write(Wake(t=now, client=self._client, lock=self._key, attempt=self._attempt, how=how))
