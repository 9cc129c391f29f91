"""The lines of a file of JSON lines, in blocks, so that no file is in memory whole.

A line that was cut short by a kill or a full disk is tolerated at the end of a file and said aloud. A line longer
than LONGEST_LINE is an error before it is read to its end.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from histories.errors import RESTORE, HistoryError

LONGEST_LINE = 16 << 20
"""Bytes; the longest line that is read."""

_BLOCK = 1 << 20
_OBJECT: msgspec.json.Decoder[dict[str, object]] = msgspec.json.Decoder(dict[str, object])

NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are not the JSON asked for."""


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read. Raises HistoryError where there is none, or something else than a file (a pipe would wait
    for its writer for ever)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise HistoryError(f"{path} does not exist; name a run directory or a history file") from None
    except OSError as error:
        raise HistoryError(f"{path} cannot be opened ({error.strerror}); name a file that may be read") from error
    file = os.fdopen(fd, "rb", buffering=0)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return file
    file.close()
    raise HistoryError(f"{path} is no regular file; save the history to a file and name that")


def texts_of(path: Path, remarks: list[str]) -> Iterator[tuple[int, bytes]]:
    """The complete lines of a file, many at a time: (number of the first, the lines without the last one's end).

    A torn last line is dropped with a remark. Raises HistoryError for a line that is too long and a file that cannot
    be read.
    """
    rest, number = b"", 1
    with open_regular(path) as file:
        while block := _read(file, path, max(_BLOCK, len(rest))):  # long lines are put together in few steps
            head, end, tail = block.rpartition(b"\n")
            if end:
                text = rest + head
                first_end = text.find(b"\n")
                _require_short(max(first_end if first_end >= 0 else len(text), len(tail)), path, number)
                yield number, text
                number += int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord("\n"))) + 1
                rest = tail
            else:
                rest += block
                _require_short(len(rest), path, number)
    if rest.strip():
        if is_object(rest):
            yield number, rest
        else:
            remarks.append(f"{path.name}: line {number} is torn ({len(rest)} bytes) and was left out")


def blocks_of(path: Path, remarks: list[str]) -> Iterator[tuple[int, list[bytes]]]:
    """The same, each line by itself. Empty lines are among them, so that numbers can be counted on."""
    for number, text in texts_of(path, remarks):
        yield number, text.split(b"\n")


def lines_of(path: Path, remarks: list[str]) -> Iterator[tuple[int, bytes]]:
    """The complete lines of a file with their numbers, each with its end; empty ones are left out."""
    for first, lines in blocks_of(path, remarks):
        for number, line in enumerate(lines, first):
            if line.strip():
                yield number, line + b"\n"


def is_object(line: bytes) -> bool:
    """Whether the line is a whole JSON object."""
    try:
        _OBJECT.decode(line)
    except NO_JSON:
        return False
    return True


def _read(file: BinaryIO, path: Path, size: int) -> bytes:
    try:
        return file.read(size)
    except OSError as error:
        raise HistoryError(f"{path} cannot be read ({error.strerror}); copy it from where it can") from error


def _require_short(length: int, path: Path, number: int) -> None:
    if length > LONGEST_LINE:
        raise HistoryError(
            f"{path}: line {number} is longer than {LONGEST_LINE >> 20} MiB, so this is no history; {RESTORE}"
        )
