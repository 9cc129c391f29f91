"""Merge the parts of a run into one file, as raw lines, so that fields unknown to this version survive."""

from __future__ import annotations

import mmap
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from histories import beside
from histories.columnar import SUFFIX
from histories.errors import RESTORE, HistoryError
from histories.history import TIE
from histories.lines import NO_JSON, blocks_of, open_regular
from histories.read import MERGED, part_files


class _Key(msgspec.Struct):
    """What merging needs of a row, known to this version or not."""

    row: str
    t: int


_DECODER = msgspec.json.Decoder(_Key)
_HEADER = -1
_SOME = 1 << 13
_MOST_MAPPED = 256
"""Each mapped file counts as an open one, of which a process may have some thousand."""


def merge(directory: Path) -> Path:
    """Write ``history.jsonl`` of a run directory from its parts, header first, then by true time, and beside it the
    columnar copy.

    Each file appears whole or not at all. Raises HistoryError for a damaged part, OSError when the merged file cannot
    be written; of the copy nobody is told, because nothing is lost without it.
    """
    parts = part_files(directory)
    target = directory / MERGED
    partial = target.with_suffix(".tmp")
    try:
        with partial.open("wb") as file:
            _write(parts, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    with suppress(OSError):
        target.with_suffix(SUFFIX).unlink(missing_ok=True)
        beside.make(target)
    return target


def _write(parts: list[Path], file: BinaryIO) -> None:
    """Only keys and places of the lines are held in memory, not the lines."""
    indexes = [_index(part) for part in parts]
    if not indexes:
        return
    times, ties, starts, ends = (np.concatenate(columns) for columns in zip(*indexes, strict=True))
    part = np.repeat(np.arange(len(parts)), [len(index[0]) for index in indexes])
    # Stable: lines of equal time and kind stay in the order of parts and lines.
    order = np.lexsort((ties, times, ties != _HEADER))
    with ExitStack() as stack:
        sizes = [path.stat().st_size for path in parts]
        large = set(sorted(range(len(parts)), key=sizes.__getitem__)[-_MOST_MAPPED:])
        contents = [
            stack.enter_context(_mapped(path)) if number in large and sizes[number] else path.read_bytes()
            for number, path in enumerate(parts)
        ]
        for first in range(0, len(order), _SOME):
            some = order[first : first + _SOME]
            chosen = zip(part[some].tolist(), starts[some].tolist(), ends[some].tolist(), strict=True)
            file.writelines(contents[where][start:end] + b"\n" for where, start, end in chosen)


def _mapped(path: Path) -> mmap.mmap:
    with open_regular(path) as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _index(part: Path) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int64], NDArray[np.int64]]:
    """Per line of a part: time, rank among rows of that time, where it begins and where it ends."""
    batches = []
    start = 0
    for number, lines in blocks_of(part, []):
        keys = [_key(line, part, at) if line.strip() else None for at, line in enumerate(lines, number)]
        ends = start + np.cumsum([len(line) + 1 for line in lines]) - 1
        starts = np.concatenate([np.array([start]), ends[:-1] + 1])
        start = int(ends[-1]) + 1
        kept = np.array([key is not None for key in keys], np.bool_)
        times = np.array([key.t for key in keys if key is not None], np.int64)
        ties = np.array([_rank(key) for key in keys if key is not None], np.int8)
        batches.append((times, ties, starts[kept], ends[kept]))
    if not batches:
        return np.empty(0, np.int64), np.empty(0, np.int8), np.empty(0, np.int64), np.empty(0, np.int64)
    times, ties, starts, ends = (np.concatenate(columns) for columns in zip(*batches, strict=True))
    return times, ties, starts, ends


def _rank(key: _Key) -> int:
    return _HEADER if key.row == "header" else TIE.get(key.row, 1)


def _key(line: bytes, part: Path, number: int) -> _Key:
    try:
        key = _DECODER.decode(line)
    except NO_JSON as error:
        raise HistoryError(
            f"{part}: line {number} is not a row of a history ({str(error)[:200]}); {RESTORE}"
        ) from error
    if not -(1 << 63) <= key.t < 1 << 63:
        raise HistoryError(f"{part}: line {number}: t is {key.t}, which is no time; {RESTORE}")
    return key
