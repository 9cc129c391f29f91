"""A long-lived command line by line, whatever carries its bytes: a stream of an exec, or the pipes of a child."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from nuclei.platforms.base import HarnessError, Pipe

STDOUT, STDERR = 1, 2


class Stream(Protocol):
    """What carries a command's bytes. ``name``: the command and where it runs, for messages."""

    name: str

    def write(self, data: bytes) -> None:
        """Write to its stdin. Raises OSError when it has ended."""

    def read(self, timeout: float) -> tuple[int, bytes] | None:
        """The next bytes and where they came from (STDOUT or STDERR); None when none came within ``timeout`` seconds.

        Raises EOFError at the end."""

    def close(self) -> None:
        """End the command; idempotent."""


class LinePipe(Pipe):
    """A long-lived command line by line. stderr is kept apart; its end is part of the EOFError's message."""

    def __init__(self, stream: Stream, on_close: Callable[[LinePipe], None]) -> None:
        self._stream = stream
        self._on_close = on_close
        self._out = bytearray()
        self._err = bytearray()
        self._ended: str | None = None

    def send(self, line: str) -> None:
        """Write one line (or several, split by newlines). Raises HarnessError when the command has ended."""
        try:
            self._stream.write(line.encode() + b"\n")
        except OSError as error:
            raise HarnessError(f"cannot write to {self._stream.name}, it has ended: {error}") from error

    def receive(self, timeout: float) -> str | None:
        """The next line of stdout; None when none came within ``timeout`` seconds. Raises EOFError at the end."""
        deadline = time.monotonic() + timeout
        while True:
            end = self._out.find(b"\n")
            if end >= 0:
                line = self._out[:end].decode(errors="replace")
                del self._out[: end + 1]
                return line.rstrip("\r")
            if self._ended is not None:
                raise EOFError(self._ended)
            try:
                chunk = self._stream.read(max(0.0, deadline - time.monotonic()))
            except EOFError as error:
                said = self._err[-300:].decode(errors="replace").strip()
                self._ended = f"{error}{'; it said: ' if said else ''}{said}"
                continue
            if chunk is None:
                return None
            (self._err if chunk[0] == STDERR else self._out).extend(chunk[1])

    def close(self) -> None:
        """End the command by ending its stdin; idempotent."""
        self._stream.close()
        self._on_close(self)
