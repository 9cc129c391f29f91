"""One plain line per event on standard output, never at the price of the proxy's progress."""

from __future__ import annotations

import os
import select
import sys
import time

_ATOMIC = 4096  # PIPE_BUF: a pipe that polls writable takes this much without blocking


class Log:
    """Writes lines to a file descriptor; skips (and counts) them while nobody reads its other end.

    A parent that starts the server with a pipe and never reads it must not stop the proxy.

    Args:
        fd: where to write; None says nothing at all.
    """

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self._skipped = 0
        self._poll = select.poll()
        if fd is not None:
            self._poll.register(fd, select.POLLOUT)

    def line(self, event: str, **facts: object) -> None:
        """Write ``time event key=value …``."""
        if self._fd is None:
            return
        if not self._writable():
            self._skipped += 1
            return
        if self._skipped:
            facts["skipped_lines"] = self._skipped
            self._skipped = 0
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        words = " ".join(f"{key}={value}" for key, value in facts.items())
        data = f"{stamp}Z {event} {words}".rstrip().encode("utf-8", "backslashreplace")
        try:
            os.write(self._fd, data[: _ATOMIC - 1].replace(b"\n", b"\\n") + b"\n")
        except OSError:
            self._fd = None

    def _writable(self) -> bool:
        try:
            return any(event & select.POLLOUT for _, event in self._poll.poll(0))
        except OSError:
            return False


def standard_output() -> Log:
    """The log on standard output, silent when there is none."""
    try:
        return Log(sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):
        return Log(None)
