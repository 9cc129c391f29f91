"""What the runner asked of this client: heard by the reader thread, obeyed by the working thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from histories.vocabulary import Point
from nuclei.clients.protocol import At, Configure, Do, Finish, Go, Hold, Quit, Report, Request, Run, StepOut

Work = Configure | Run | Do | StepOut | Finish | Quit


class Control:
    """Barriers, the wish to finish, and the queue of work; all methods may be called from any thread.

    A client at a barrier waits as long as the runner said, without a limit where it said none: the runner passes it
    with ``go``, with ``finish``, or by dying (the reader then ends the process). ``idle`` is called before the client
    sleeps.
    """

    def __init__(self, say: Callable[[Report], None], idle: Callable[[], None] = lambda: None) -> None:
        self.work: SimpleQueue[Work] = SimpleQueue()
        self._say = say
        self._idle = idle
        self._changed = threading.Condition()
        self._holds: dict[Point, int] = {}
        self._longest: dict[Point, float | None] = {}
        self._standing: Point | None = None
        self._passed = False
        self._finishing = False

    def hear(self, request: Request) -> None:
        """Take note of a message from the runner; everything but barriers is queued as work as well."""
        with self._changed:
            match request:
                case Hold():
                    self._holds[request.point] = request.times
                    self._longest[request.point] = request.seconds
                    self._passed |= request.times <= 0 and self._standing == request.point
                case Go():
                    self._passed |= self._standing is not None
                case Run():
                    self._finishing = False
                case Finish() | Quit():
                    self._finishing = True
                case _:
                    pass
            self._changed.notify_all()
        if not isinstance(request, Hold | Go):
            self.work.put(request)

    @property
    def finishing(self) -> bool:
        """Whether the workload is to end after the operation under way."""
        with self._changed:
            return self._finishing

    def stand(self, point: Point, attempt: str, stop: Callable[[], bool] = lambda: False) -> None:
        """Pass ``point``; where a barrier is set, say so and wait for ``go`` (or for the end, or until ``stop``)."""
        with self._changed:
            if self._finishing or self._holds.get(point, 0) <= 0:
                return
            self._holds[point] -= 1
            self._standing, self._passed = point, False
            longest = self._longest[point]
        self._say(At(t=time.monotonic_ns(), point=point, attempt=attempt))
        with self._changed:
            self._changed.wait_for(lambda: self._passed or self._finishing or stop(), longest)
            self._standing = None

    def sleep(self, seconds: float, stop: Callable[[], bool]) -> None:
        """Sleep, but no longer than until the end is asked for or ``stop`` turns true (see :meth:`nudge`)."""
        if seconds > 0:
            self._idle()
        with self._changed:
            self._changed.wait_for(lambda: self._finishing or stop(), max(0.0, seconds))

    def nudge(self) -> None:
        """Let sleepers look again."""
        with self._changed:
            self._changed.notify_all()
