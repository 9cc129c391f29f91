"""The toxics that keep every byte and change when, or in what pieces, it arrives: latency, bandwidth, slicer.

All three hold data in a queue, pass it on in order, and let go of all of it at once when the toxic is removed.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator

from .stage import Account, Receiver, Stage
from .toxics import Toxic

#: Pieces a slicer without delay sends before other connections get their turn.
_BURST = 64


class _Holding(Stage):
    """A stage with a queue of (data, stamp); subclasses say when its head may go."""

    __slots__ = ("queue",)

    def __init__(self, toxic: Toxic, account: Account, receiver: Receiver) -> None:
        super().__init__(toxic, account, receiver)
        self.queue: deque[tuple[bytes, float]] = deque()

    def keep(self, data: bytes, stamp: float) -> None:
        """Append to the queue."""
        self.queue.append((data, stamp))
        self.account.hold(len(data))

    def pass_head(self) -> None:
        """Pass the queue's head on."""
        data, stamp = self.queue.popleft()
        self.account.let_go(len(data))
        self.next.feed(data, stamp)

    def end(self) -> None:
        """The end waits behind the data, as in a channel."""
        self.ended = True
        if not self.queue:
            self.close()

    def release(self) -> None:
        """Pass everything on now."""
        self.stop()
        while self.queue:
            self.pass_head()

    def discard(self) -> None:
        """Forget everything."""
        super().discard()
        for data, _ in self.queue:
            self.account.let_go(len(data))
            self.account.drop(len(data))
        self.queue.clear()


class Latency(_Holding):
    """Delays by ``latency`` ± ``jitter`` ms, in order: a chunk never overtakes an earlier one.

    In the queue a stamp is already moved on by the delay, so several latency toxics add up.
    """

    __slots__ = ("random",)

    def __init__(self, toxic: Toxic, account: Account, receiver: Receiver, rng: random.Random) -> None:
        super().__init__(toxic, account, receiver)
        self.random = rng

    def feed(self, data: bytes, stamp: float) -> None:
        """Pass on what is due already and nothing is waiting ahead of, else wait."""
        if self.closed:
            self.account.drop(len(data))
            return
        delay = self.toxic.attributes["latency"]
        jitter = self.toxic.attributes["jitter"]
        if jitter > 0:
            delay += self.random.randrange(jitter * 2) - jitter
        due = stamp + delay / 1000
        if not self.queue and due <= self.account.clock.time():
            self.next.feed(data, due)
            return
        self.keep(data, due)
        if self.timer is None:
            self.at(due, self._due)

    def _due(self) -> None:
        self.timer = None
        now = self.account.clock.time()
        while self.queue and self.queue[0][1] <= now:
            self.pass_head()
        if self.queue:
            self.at(self.queue[0][1], self._due)
        elif self.ended:
            self.close()


class Bandwidth(_Holding):
    """Lets ``rate`` KB/s through (1 KB = 1000 bytes), in pieces of at most 100 ms; a rate of 0 or less is a stall.

    Pieces are due at absolute times, so a late timer does not slow the stream down.
    """

    __slots__ = ("free_at",)

    def __init__(self, toxic: Toxic, account: Account, receiver: Receiver) -> None:
        super().__init__(toxic, account, receiver)
        self.free_at = 0.0

    def feed(self, data: bytes, stamp: float) -> None:
        """Queue the data behind what is already on its way."""
        if self.closed:
            self.account.drop(len(data))
            return
        rate = self.toxic.attributes["rate"]
        step = rate * 100 if rate > 0 else len(data)
        for start in range(0, len(data), step):
            self.keep(data[start : start + step], stamp)
        if self.timer is None:
            self._schedule()

    def _schedule(self) -> None:
        rate = self.toxic.attributes["rate"]
        if rate > 0:
            cost = len(self.queue[0][0]) / (rate * 1000)
            self.free_at = max(self.account.clock.time(), self.free_at) + cost
            self.at(self.free_at, self._due)

    def _due(self) -> None:
        self.timer = None
        self.pass_head()
        if self.closed:
            return
        if self.queue:
            # The next piece starts when this one should have gone, not when the timer came round to it.
            rate = self.toxic.attributes["rate"]
            self.free_at += len(self.queue[0][0]) / (rate * 1000)
            self.at(self.free_at, self._due)
        elif self.ended:
            self.close()


class Slicer(_Holding):
    """Cuts data into pieces of ``average_size`` ± ``size_variation`` bytes, ``delay`` µs apart.

    Every piece is a write of its own, cut when its turn comes: a chunk may mean thousands of them, and a removal
    delivers what is left of it in one. The loop's timers tick in milliseconds: a shorter delay becomes one.
    """

    __slots__ = ("offset", "pieces", "random")

    def __init__(self, toxic: Toxic, account: Account, receiver: Receiver, rng: random.Random) -> None:
        super().__init__(toxic, account, receiver)
        self.random = rng
        self.offset = 0
        self.pieces: Iterator[int] | None = None

    def feed(self, data: bytes, stamp: float) -> None:
        """Queue the data and send its first piece unless an earlier one is still being waited for."""
        if self.closed:
            self.account.drop(len(data))
            return
        self.keep(data, stamp)
        if self.timer is None:
            self._send()

    def _send(self) -> None:
        self.timer = None
        delay = self.toxic.attributes["delay"]
        for _ in range(_BURST):
            if not self.queue:
                break
            self._pass_piece()
            if self.closed:
                return
            if delay > 0:
                # Also after the last piece, so that the next chunk's first one keeps the distance.
                self.after(delay / 1_000_000, self._send)
                return
        if self.queue:
            self.after(0, self._send)
        elif self.ended:
            self.close()

    def _pass_piece(self) -> None:
        data, stamp = self.queue[0]
        if self.pieces is None:
            attributes = self.toxic.attributes
            self.pieces = slices(len(data), attributes["average_size"], attributes["size_variation"], self.random)
        start, self.offset = self.offset, next(self.pieces)
        piece = data[start : self.offset]
        if self.offset == len(data):
            self.queue.popleft()
            self.offset, self.pieces = 0, None
        self.account.let_go(len(piece))
        self.next.feed(piece, stamp)

    def end(self) -> None:
        """The end also waits for the distance after the last piece."""
        self.ended = True
        if not self.queue and self.timer is None:
            self.close()

    def release(self) -> None:
        """Pass on what is left, in one piece for each chunk."""
        self._forget_pieces()
        super().release()

    def discard(self) -> None:
        """Forget everything."""
        self._forget_pieces()
        super().discard()

    def _forget_pieces(self) -> None:
        if self.queue and self.offset:
            data, stamp = self.queue[0]
            self.queue[0] = data[self.offset :], stamp
        self.offset, self.pieces = 0, None


def slices(size: int, average: int, variation: int, rng: random.Random) -> Iterator[int]:
    """The ends, up to ``size``, of pieces of about ``average`` ± ``variation`` bytes, each piece at least one byte.

    Halving as in the original: a range is cut near its middle until it is at most average + variation long. Settings
    that would make the original recurse without end (average 0) give single bytes.
    """
    longest = max(1, average + max(0, variation))
    ranges = [(0, size)]
    while ranges:
        start, stop = ranges.pop()
        if stop - start <= longest:
            yield stop
            continue
        middle = start + (stop - start) // 2
        if variation > 0:
            middle += rng.randrange(variation * 2) - variation
        middle = min(max(middle, start + 1), stop - 1)
        ranges.append((middle, stop))
        ranges.append((start, middle))
