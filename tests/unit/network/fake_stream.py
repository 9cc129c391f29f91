"""A clock that moves when told to, and the two ends of a pipe that only remember what happened to them."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable

from nuclei.network.toxiproxy.pipe import Pipe
from nuclei.network.toxiproxy.toxics import ATTRIBUTES, Toxic


class FakeTimer:
    """A timer of the fake clock."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        """Forget the callback."""
        self.cancelled = True


class FakeClock:
    """Seconds that pass only in :meth:`advance`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, FakeTimer, Callable[[], object]]] = []

    def time(self) -> float:
        """Now."""
        return self.now

    def call_at(self, when: float, callback: Callable[[], object]) -> FakeTimer:
        """Remember the callback."""
        timer = FakeTimer()
        heapq.heappush(self._due, (when, next(self._order), timer, callback))
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass, running what comes due, in order, each at its time."""
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            when, _, timer, callback = heapq.heappop(self._due)
            self.now = max(self.now, when)
            if not timer.cancelled:
                callback()
        self.now = end

    @property
    def pending(self) -> int:
        """Timers that would still run."""
        return sum(not timer.cancelled for _, _, timer, _ in self._due)


class FakeSource:
    """Where a pipe reads: the test calls :attr:`forward` with data."""

    def __init__(self) -> None:
        self.reading = False
        self.forward: Callable[[bytes], object] = lambda data: None

    def route(self, forward: Callable[[bytes], object]) -> None:
        """Set by the pipe."""
        self.forward = forward

    def pause(self) -> None:
        """The pipe wants no more."""
        self.reading = False

    def resume(self) -> None:
        """The pipe wants data."""
        self.reading = True


class FakeSink:
    """Where a pipe writes: keeps each write with its time."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.writes: list[tuple[float, bytes]] = []
        self.closed_at: float | None = None

    def write(self, data: bytes) -> None:
        """Remember."""
        assert self.closed_at is None, "written after the close"
        self.writes.append((self._clock.now, data))

    def close(self) -> None:
        """Remember."""
        assert self.closed_at is None, "closed twice"
        self.closed_at = self._clock.now

    @property
    def data(self) -> bytes:
        """All that was written."""
        return b"".join(data for _, data in self.writes)


class Stream:
    """A pipe between fakes, with toxics by type.

    Args:
        toxics: the chain at the start, as (type, attributes).
    """

    def __init__(self, *toxics: tuple[str, dict[str, int]], seed: int = 0) -> None:
        self.clock = FakeClock()
        self.start = self.clock.now
        self.source = FakeSource()
        self.sink = FakeSink(self.clock)
        self.pipe = Pipe(self.clock, random.Random(seed), self.source, self.sink)
        self.toxics = [toxic(kind, **attributes) for kind, attributes in toxics]
        self.pipe.open(self.toxics)

    def add(self, kind: str, *, toxicity: float = 1.0, **attributes: int) -> Toxic:
        """Add a toxic to the chain's end."""
        made = toxic(kind, toxicity=toxicity, **attributes)
        self.pipe.add(made)
        return made

    def feed(self, data: bytes) -> None:
        """The source reads data."""
        self.source.forward(data)

    def arrivals(self) -> list[tuple[int, bytes]]:
        """What the sink got, with milliseconds since the start."""
        return [(round((when - self.start) * 1000), data) for when, data in self.sink.writes]

    def closed_ms(self) -> int | None:
        """When the sink was closed, in milliseconds since the start."""
        return None if self.sink.closed_at is None else round((self.sink.closed_at - self.start) * 1000)


def toxic(kind: str, *, toxicity: float = 1.0, **attributes: int) -> Toxic:
    """A toxic with the given attributes, the others 0."""
    return Toxic(kind, kind, "downstream", toxicity, {name: attributes.get(name, 0) for name in ATTRIBUTES[kind]})
