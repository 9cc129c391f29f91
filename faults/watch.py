"""What the runner knows of the clients while they work: every live row, and waiting for what one wants to see."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from histories.rows import Call, Leave, Return
from histories.vocabulary import ACQUIRES

Seen = TypeVar("Seen")


class Interrupted(Exception):
    """The user (or a signal) asked to stop; everything is healed and swept on the way out."""


class Watch:
    """Live rows of all clients, fed by their reader threads. Client names are those of processes (``c1``), whatever
    identity a retired client goes on with."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self._changed = threading.Condition()
        self._grants: list[tuple[int, str, str]] = []
        self._tried: dict[str, int] = {}
        self._open: dict[tuple[str, str, int], int] = {}
        self._inside: dict[str, str] = {}

    def feed(self, process: str, row: object) -> None:
        """Take one row of the client process ``process``."""
        with self._changed:
            if isinstance(row, Call):
                self._call(process, row)
            elif isinstance(row, Return):
                self._return(process, row)
            elif isinstance(row, Leave):
                self._inside.pop(process, None)
            self._changed.notify_all()

    def _call(self, process: str, row: Call) -> None:
        if row.op in ACQUIRES:
            self._open[process, row.client, row.call] = row.t
        elif row.op == "release":
            self._inside.pop(process, None)

    def _return(self, process: str, row: Return) -> None:
        if row.op not in ACQUIRES:
            return
        began = self._open.pop((process, row.client, row.call), row.t)
        self._tried[process] = max(self._tried.get(process, 0), began)
        if row.outcome == "ok":
            self._grants.append((row.t, process, row.attempt))
            self._inside[process] = row.attempt

    def inside(self) -> list[str]:
        """Processes that are inside right now, as far as their rows have come."""
        with self._changed:
            return sorted(self._inside)

    def granted_since(self, t: int, but: str | None = None) -> str | None:
        """A process (other than ``but``) that was granted the lock after ``t``, or None."""
        with self._changed:
            return next((p for at, p, _ in reversed(self._grants) if at > t and p != but), None)

    def untried_since(self, t: int, processes: list[str]) -> list[str]:
        """Those of ``processes`` that have not finished an acquire they began after ``t``."""
        with self._changed:
            return [p for p in processes if self._tried.get(p, 0) <= t]

    @property
    def grants(self) -> int:
        """How many grants were seen so far."""
        with self._changed:
            return len(self._grants)

    def until(self, look: Callable[[], Seen], deadline: float) -> Seen | None:
        """Look again at every row until ``look`` gives something true; None after ``deadline`` (time.monotonic).

        Raises Interrupted as soon as the stop event is set.
        """
        while True:
            if self.stop.is_set():
                raise Interrupted
            seen = look()
            if seen:
                return seen
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            with self._changed:
                self._changed.wait(min(left, 0.02))

    def check(self) -> None:
        """Raises Interrupted when the stop event is set."""
        if self.stop.is_set():
            raise Interrupted

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass; raises Interrupted as soon as the stop event is set."""
        if self.stop.wait(max(0.0, seconds)):
            raise Interrupted
