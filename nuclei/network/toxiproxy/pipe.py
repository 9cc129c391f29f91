"""One stream of one connection: source socket, chain of toxics, sink socket.

Without toxics the source writes straight into the sink's transport; the chain costs nothing until it exists. The rules
for a changing chain are the original's: a new toxic goes to the end, its predecessor draws its toxicity again, a
removed toxic lets go of what it holds, and removing a timeout closes the connections it was on. Nothing here waits, so
no change can hang.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Protocol

from .closing import LimitData, ResetPeer, SlowClose, Timeout
from .shaping import Bandwidth, Latency, Slicer
from .stage import Account, Clock, Receiver, Stage
from .toxics import Toxic

#: Bytes a chain may hold before the source is paused. Latency needs room for what is in flight: the original queues
#: 1024 chunks of 32 KiB there.
_ROOM = 64 * 1024
_LATENCY_ROOM = 1024 * 32 * 1024

_PLAIN: dict[str, Callable[[Toxic, Account, Receiver], Stage]] = {
    "bandwidth": Bandwidth,
    "timeout": Timeout,
    "reset_peer": ResetPeer,
    "limit_data": LimitData,
    "slow_close": SlowClose,
}


class Source(Protocol):
    """The socket a pipe reads from."""

    def route(self, forward: Callable[[bytes], object]) -> None:
        """Give every chunk read from now on to ``forward``."""

    def pause(self) -> None:
        """Stop reading."""

    def resume(self) -> None:
        """Read again."""


class Sink(Protocol):
    """The socket a pipe writes to; an asyncio transport is one."""

    def write(self, data: bytes) -> None:
        """Send, or queue for sending."""

    def close(self) -> None:
        """Close once everything queued was sent."""


def make_stage(toxic: Toxic, account: Account, receiver: Receiver, rng: random.Random) -> Stage:
    """A stage with the toxic's behaviour, or one that passes everything on where the toxicity spares it."""
    if not rng.random() < toxic.toxicity:
        return Stage(toxic, account, receiver)
    if toxic.type == "latency":
        return Latency(toxic, account, receiver, rng)
    if toxic.type == "slicer":
        return Slicer(toxic, account, receiver, rng)
    return _PLAIN[toxic.type](toxic, account, receiver)


def _discard(data: bytes) -> None:
    """Where a finished pipe sends what its source still reads."""


class Pipe:
    """See the module; also the :class:`~.stage.Account` of its stages and the receiver at the end of its chain.

    Attributes:
        finished: the sink was closed or lost; nothing moves any more.
        held: bytes kept by the stages.
        dropped: bytes that will never arrive.
    """

    __slots__ = (
        "_choked",
        "_random",
        "_sink",
        "_sink_full",
        "_source",
        "clock",
        "dropped",
        "finished",
        "held",
        "stages",
    )

    def __init__(self, clock: Clock, rng: random.Random, source: Source, sink: Sink) -> None:
        self.clock = clock
        self.stages: list[Stage] = []
        self.finished = False
        self.held = 0
        self.dropped = 0
        self._random = rng
        self._source = source
        self._sink = sink
        self._choked = False
        self._sink_full = False

    def open(self, toxics: Iterable[Toxic]) -> None:
        """Build the chain and start reading."""
        for toxic in toxics:
            self._append(toxic)
        self._route()
        self._source.resume()

    # The chain

    def add(self, toxic: Toxic) -> None:
        """Put a toxic at the end of the chain."""
        if self.stages and not self.finished:
            self._redraw(len(self.stages) - 1)
        if self.finished:  # perhaps just now: drawing a burning reset_peer again closes
            return
        self._append(toxic)
        self._route()

    def update(self, toxic: Toxic) -> None:
        """The toxic's settings changed: start it afresh with them."""
        index = self._index(toxic)
        if index is not None:
            self._replace(index)

    def remove(self, toxic: Toxic) -> None:
        """Take a toxic out: what it holds goes on at once; a timeout closes its connection."""
        index = self._index(toxic)
        if index is None:
            return
        stage = self.stages[index]
        stage.release()
        if stage.ended or toxic.type == "timeout":
            stage.close()
        # A closed stage stays as the stopper it is: the sink's end is already on its way.
        if stage.closed or self.finished:
            return
        del self.stages[index]
        if index:
            self.stages[index - 1].next = stage.next
            self._redraw(index - 1)
        self._route()

    def _append(self, toxic: Toxic) -> None:
        stage = make_stage(toxic, self, self, self._random)
        if self.stages:
            self.stages[-1].next = stage
        self.stages.append(stage)
        stage.start()

    def _redraw(self, index: int) -> None:
        # The outcome of 0 and 1 is certain; starting those afresh would only lose their timers.
        if 0 < self.stages[index].toxic.toxicity < 1:
            self._replace(index)

    def _replace(self, index: int) -> None:
        old = self.stages[index]
        if old.closed or self.finished:
            return
        old.release()
        if old.closed or self.finished:
            return
        new = make_stage(old.toxic, self, old.next, self._random)
        if isinstance(old, LimitData) and isinstance(new, LimitData):
            new.passed = old.passed
        self.stages[index] = new
        if index:
            self.stages[index - 1].next = new
        new.start()
        self._route()
        if old.ended:
            new.end()

    def _index(self, toxic: Toxic) -> int | None:
        if self.finished:
            return None
        return next((i for i, stage in enumerate(self.stages) if stage.toxic is toxic), None)

    def _route(self) -> None:
        if not self.finished:
            self._source.route(self._enter if self.stages else self._sink.write)

    def _enter(self, data: bytes) -> None:
        self.stages[0].feed(data, self.clock.time())

    # The two ends

    def source_ended(self) -> None:
        """The source saw EOF or was lost. Harmless when said twice."""
        if self.finished:
            return
        if not self.stages:
            self.end()
        elif not self.stages[0].ended:
            self.stages[0].end()

    def feed(self, data: bytes, stamp: float) -> None:
        """The end of the chain: write to the sink."""
        if self.finished:
            self.dropped += len(data)
        else:
            self._sink.write(data)

    def end(self) -> None:
        """The end of the stream reached the sink."""
        if not self.finished:
            self.finish()
            self._sink.close()

    def finish(self) -> None:
        """The sink closes or is lost: forget what is held and stop reading."""
        if self.finished:
            return
        self.finished = True
        for stage in self.stages:
            stage.discard()
        self._source.route(_discard)
        self._source.pause()

    # Flow control

    def sink_full(self, full: bool) -> None:
        """The sink's transport wants no more for now, or again."""
        self._sink_full = full
        self._flow()

    def hold(self, size: int) -> None:
        """A stage keeps ``size`` bytes more."""
        self.held += size
        if not self._choked and self.held > self._room():
            self._choked = True
            self._flow()

    def let_go(self, size: int) -> None:
        """A stage keeps ``size`` bytes less."""
        self.held -= size
        if self._choked and self.held <= self._room() // 2:
            self._choked = False
            self._flow()

    def drop(self, size: int) -> None:
        """``size`` bytes are gone."""
        self.dropped += size

    def _room(self) -> int:
        return _LATENCY_ROOM if any(isinstance(stage, Latency) for stage in self.stages) else _ROOM

    def _flow(self) -> None:
        if self._sink_full or self._choked or self.finished:
            self._source.pause()
        else:
            self._source.resume()
