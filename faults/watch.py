"""What the runner knows of the clients while they work: every live row, and waiting for what one wants to see."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from histories.rows import AnyRow, Call, Header, Leave, Return
from histories.rows import Event as Row
from histories.vocabulary import ACQUIRES

Seen = TypeVar("Seen")


class Interrupted(Exception):
    """The user (or a signal) asked to stop; everything is healed and swept on the way out."""


class ViolationSeen(Exception):
    """What the trial was to be ended for has been seen; the message is what. Everything is healed, and it ends."""


class Lookout(Protocol):
    """Looks through the rows as they come for what ends a trial early (:class:`checker.online.InsideScan`)."""

    def feed(self, row: Row) -> object:
        """Take one row."""

    def settled(self, t: int) -> object:
        """What was found, if anything: nothing the runner did to clients before ``t`` (ns) is still to come."""


class Watch:
    """Live rows of all clients, fed by their reader threads. Client names are those of processes (``c1``), whatever
    identity a retired client goes on with.

    With a ``lookout``, whoever waits here is interrupted by ViolationSeen, once, as soon as something was found.
    """

    def __init__(self, stop: threading.Event, lookout: Lookout | None = None) -> None:
        self.stop = stop
        self._lookout = lookout
        self._interruptible = True
        self._changed = threading.Condition()
        self._grants: list[tuple[int, str, str]] = []  # when, which process, which lock
        self._tried: dict[str, int] = {}
        self._open: dict[tuple[str, str, int], int] = {}
        self._inside: dict[str, set[str]] = {}  # process -> locks

    def feed(self, process: str, row: AnyRow) -> None:
        """Take one row of, or about, the client process ``process``."""
        with self._changed:
            if self._lookout is not None and not isinstance(row, Header):
                self._lookout.feed(row)
            if isinstance(row, Call):
                self._call(process, row)
            elif isinstance(row, Return):
                self._return(process, row)
            elif isinstance(row, Leave):
                self._inside.get(process, set()).discard(row.lock)
            self._changed.notify_all()

    def _call(self, process: str, row: Call) -> None:
        if row.op in ACQUIRES:
            self._open[process, row.client, row.call] = row.t
        elif row.op == "release":
            self._inside.get(process, set()).discard(row.lock)

    def _return(self, process: str, row: Return) -> None:
        if row.op not in ACQUIRES:
            return
        began = self._open.pop((process, row.client, row.call), row.t)
        self._tried[process] = max(self._tried.get(process, 0), began)
        if row.outcome == "ok":
            self._grants.append((row.t, process, row.lock))
            self._inside.setdefault(process, set()).add(row.lock)

    def inside(self) -> list[str]:
        """Processes that are inside right now, as far as their rows have come."""
        with self._changed:
            return sorted(process for process, locks in self._inside.items() if locks)

    def granted_since(self, t: int) -> str | None:
        """A process that was granted a lock after ``t``, or None."""
        with self._changed:
            return next((p for at, p, _ in reversed(self._grants) if at > t), None)

    def joined_since(self, t: int, process: str) -> str | None:
        """Another process that was granted, after ``t``, a lock that ``process`` is inside of, or None."""
        with self._changed:
            locks = self._inside.get(process, set())
            return next(
                (p for at, p, lock in reversed(self._grants) if at > t and p != process and lock in locks), None
            )

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

        Raises Interrupted as soon as the stop event is set, ViolationSeen as soon as there was one.
        """
        while True:
            self.check()
            seen = look()
            if seen:
                return seen
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            with self._changed:
                self._changed.wait(min(left, 0.02))

    def check(self) -> None:
        """Raises Interrupted when the stop event is set, ViolationSeen when there was one."""
        if self.stop.is_set():
            raise Interrupted
        # Kills are recorded by the thread that comes by here, and before it does.
        now = time.monotonic_ns()
        with self._changed:
            found = self._lookout.settled(now) if self._lookout is not None and self._interruptible else None
            if found is not None:
                self._lookout = None
                raise ViolationSeen(str(found))

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass; raises as :meth:`until` does."""
        self.until(lambda: False, time.monotonic() + seconds)

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """No ViolationSeen meanwhile: a fault is brought into force, or healed, as a whole."""
        before, self._interruptible = self._interruptible, False
        try:
            yield
        finally:
            self._interruptible = before
