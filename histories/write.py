"""Append rows to a part file so that a SIGKILL of the writer loses none of them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

import msgspec

from histories.rows import AnyRow

_ENCODER = msgspec.json.Encoder()


def encode(row: AnyRow) -> bytes:
    """The row as one line of JSON, newline included."""
    return _ENCODER.encode(row) + b"\n"


class PartWriter:
    """One writer's own part file: every row is handed to the kernel by one ``write(2)`` before ``write`` returns.

    Raises OSError when the disk is full or the file cannot be opened. Threads of one process may share a writer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._lock = threading.Lock()

    def write(self, row: AnyRow) -> bytes:
        """Append the row; returns the line written."""
        line = encode(row)
        with self._lock:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        return line

    def close(self) -> None:
        """Close the file; writing afterwards raises OSError."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
