"""The columnar copy beside a file of JSON lines: how it is made, and when it counts.

The JSON lines are the history; the copy only saves reading them. It counts as long as the JSON lines are what it was
made from: the same length and time of change, or the same length and contents.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from histories.columnar import SUFFIX, ColumnarFile, Origin, save
from histories.decode import Collector
from histories.errors import HistoryError
from histories.history import History

_SETTLING_NS = 2_000_000_000
"""Two changes closer together may bear the same time: some file systems count in seconds, others in clock ticks."""


def make(lines: Path) -> Path | None:
    """Write the columnar copy of a file of JSON lines; None where the file holds no whole history or is changing.

    Raises OSError when it cannot be written.
    """
    before = lines.stat()
    remarks: list[str] = []
    collector = Collector(remarks)
    try:
        collector.read(lines)
        history = collector.history(lines, None)
    except HistoryError:
        return None
    del collector
    settled = time.time_ns() - before.st_mtime_ns > _SETTLING_NS
    digest = _digest(lines)
    after = lines.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return None
    copy = lines.with_suffix(SUFFIX)
    save(history, copy, Origin(size=after.st_size, mtime_ns=after.st_mtime_ns, settled=settled, blake2b=digest))
    return copy


def fresh(lines: Path, remarks: list[str]) -> History | None:
    """The history of a file of JSON lines from its columnar copy, where there is one that counts.

    A copy that is damaged is said in a remark; one that was made from other lines is passed over.
    """
    copy = lines.with_suffix(SUFFIX)
    if copy == lines or not copy.is_file():
        return None
    try:
        file = ColumnarFile(copy)
        if file.directory.origin is None or not _is_of(file.directory.origin, lines):
            return None
        history = file.history()
    except HistoryError as error:
        remarks.append(f"read from the JSON lines, because {error}")
        return None
    history.remarks, history.source = remarks + history.remarks, lines
    return history


def _is_of(origin: Origin, lines: Path) -> bool:
    with suppress(OSError):
        now = os.stat(lines)
        if now.st_size != origin.size:
            return False
        return (origin.settled and now.st_mtime_ns == origin.mtime_ns) or _digest(lines) == origin.blake2b
    return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
