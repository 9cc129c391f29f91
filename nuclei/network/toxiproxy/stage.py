"""The frame every toxic's behaviour fits in: one stage of one stream of one connection.

A stream is a chain of stages that ends in the socket. Data is pushed through it by calls, in the order it was read;
a stage may pass it on, hold it with a timer, drop it, or close. Closing a stage ends the next one, as closing a Go
channel does in the original, so a FIN travels through the chain behind the data and each stage decides about it.
Time and timers come from a :class:`Clock`, which an asyncio loop satisfies and a test can fake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .toxics import Toxic


class Timer(Protocol):
    """A callback that is due later."""

    def cancel(self) -> None:
        """Forget the callback."""


class Clock(Protocol):
    """Monotonic seconds and timers; an asyncio event loop is one."""

    def time(self) -> float:
        """Now, in seconds."""

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Run ``callback`` once ``when`` has come."""


class Account(Protocol):
    """Where stages report what they keep and what they throw away, in bytes."""

    @property
    def clock(self) -> Clock:
        """The time source of this stream."""

    def hold(self, size: int) -> None:
        """Data is kept; the source is paused when too much is."""

    def let_go(self, size: int) -> None:
        """Kept data was passed on or dropped."""

    def drop(self, size: int) -> None:
        """Data is gone."""


class Receiver(Protocol):
    """The next stage, or the socket at the end of the chain."""

    def feed(self, data: bytes, stamp: float) -> None:
        """Take ``data``; ``stamp`` is when it was read, moved on by the delays it has already suffered (seconds)."""

    def end(self) -> None:
        """Nothing more will come."""


class Stage:
    """A stage that passes everything on: the base of the toxics, and a toxic whose toxicity spared this connection.

    Attributes:
        toxic: the settings, shared with other connections.
        next: the receiver of what this stage passes on.
        ended: the end of the stream has arrived here.
        closed: the end of the stream was passed on; whatever still arrives is dropped.
    """

    __slots__ = ("account", "closed", "ended", "next", "timer", "toxic")

    def __init__(self, toxic: Toxic, account: Account, receiver: Receiver) -> None:
        self.toxic = toxic
        self.account = account
        self.next = receiver
        self.ended = False
        self.closed = False
        self.timer: Timer | None = None

    def start(self) -> None:
        """Called once, when the stage has its place in the chain."""

    def feed(self, data: bytes, stamp: float) -> None:
        """Take data that was read at ``stamp``."""
        if self.closed:
            self.account.drop(len(data))
        else:
            self.next.feed(data, stamp)

    def end(self) -> None:
        """The stream's end arrived."""
        self.ended = True
        self.close()

    def close(self) -> None:
        """Pass the stream's end on; only the first call counts."""
        self.stop()
        if not self.closed:
            self.closed = True
            self.next.end()

    def release(self) -> None:
        """The stage is about to leave the chain: pass on, in order, all it holds."""
        self.stop()

    def discard(self) -> None:
        """The connection is gone, perhaps by what this stage just passed on: forget everything, start nothing new."""
        self.stop()
        self.closed = True

    def stop(self) -> None:
        """Cancel the pending timer."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def after(self, seconds: float, callback: Callable[[], object]) -> None:
        """Replace the pending timer by one that is due in ``seconds``."""
        self.at(self.account.clock.time() + seconds, callback)

    def at(self, when: float, callback: Callable[[], object]) -> None:
        """Replace the pending timer by one that is due at ``when``."""
        self.stop()
        self.timer = self.account.clock.call_at(when, callback)
