"""Read histories back: one merged file, or a run directory with the parts of its writers.

A line that was cut short by a kill or a full disk is tolerated at the end of a part and said aloud; anywhere else it
is an error with file and line, because a verdict on a damaged history would be a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from histories.rows import FORMAT_VERSION, AnyRow, Event, Header

PARTS = "parts"
MERGED = "history.jsonl"

_DECODER: msgspec.json.Decoder[AnyRow] = msgspec.json.Decoder(AnyRow)
_KIND: msgspec.json.Decoder[dict[str, object]] = msgspec.json.Decoder(dict[str, object])
_KNOWN = frozenset(str(row.__struct_config__.tag) for row in AnyRow.__args__)


class HistoryError(Exception):
    """A history that cannot be judged; the message names file and line, what was seen, and what to do."""


@dataclass
class History:
    """A history in order of true time (ties: calls before returns), with what the reader had to say about it."""

    header: Header
    rows: list[Event]
    source: Path | None = None
    remarks: list[str] = field(default_factory=list)


def lines_of(path: Path, remarks: list[str]) -> Iterator[tuple[int, bytes]]:
    """The complete lines of a file with their numbers; a torn last line is dropped with a remark."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                if line.strip():
                    yield number, line
                continue
            try:
                _KIND.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                remarks.append(f"{path.name}: line {number} is torn ({len(line)} bytes) and was left out")
                return
            yield number, line + b"\n"


def row_of(line: bytes, path: Path, number: int, remarks: list[str]) -> AnyRow | None:
    """Decode one line. None for a kind of row this version does not know (with a remark).

    Raises HistoryError for text that is not a row.
    """
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        kind = _kind_of(line)
        if kind is not None and kind not in _KNOWN:
            remarks.append(f"{path.name}: line {number} is of unknown kind {kind!r} and was left out")
            return None
        raise HistoryError(
            f"{path}: line {number} is not a row of a history ({error}); restore the file from the run's parts"
        ) from error


def _kind_of(line: bytes) -> str | None:
    try:
        kind = _KIND.decode(line).get("row")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return kind if isinstance(kind, str) else None


def read_rows(path: Path, remarks: list[str]) -> list[AnyRow]:
    """All rows of one file, in file order."""
    decoded = (row_of(line, path, number, remarks) for number, line in lines_of(path, remarks))
    return [row for row in decoded if row is not None]


def part_files(directory: Path) -> list[Path]:
    """The part files of a run directory, in name order."""
    return sorted((directory / PARTS).glob("*.jsonl"))


def read(path: Path) -> History:
    """Read a history from a file or a run directory (its merged file, else its parts).

    Raises HistoryError when there is no header, the version is unknown, or a row is damaged.
    """
    remarks: list[str] = []
    if path.is_dir():
        merged = path / MERGED
        files = [merged] if merged.is_file() else part_files(path)
        if not files:
            raise HistoryError(f"{path} holds neither {MERGED} nor {PARTS}/*.jsonl; name a run directory or a history")
        if files != [merged]:
            remarks.append(f"read from {len(files)} parts: the trial did not come to its end, or was not merged")
    elif path.is_file():
        files = [path]
    else:
        raise HistoryError(f"{path} does not exist; name a run directory or a history file")
    rows: list[AnyRow] = []
    for file in files:
        rows.extend(read_rows(file, remarks))
    return arrange(rows, path, remarks)


TIE = {"call": 0, "return": 2}
"""Rows of equal time: calls first and returns last."""


def sort_key(row: AnyRow) -> tuple[int, int]:
    """Order of rows: by time; at equal times calls first and returns last, so touching operations are concurrent."""
    return row.t, TIE.get(str(row.__struct_config__.tag), 1)


def arrange(rows: list[AnyRow], source: Path | None, remarks: list[str]) -> History:
    """Split off the header, check its version and put the rows in order."""
    headers = [row for row in rows if isinstance(row, Header)]
    if not headers:
        raise HistoryError(f"{source}: no header row, so the lock's promises are unknown; give them with --spec")
    header = headers[0]
    if not 1 <= header.version <= FORMAT_VERSION:
        raise HistoryError(
            f"{source}: format version {header.version} is not readable here (known: up to {FORMAT_VERSION}); "
            "use the lockquake that wrote it"
        )
    body = [row for row in rows if not isinstance(row, Header)]
    body.sort(key=sort_key)
    return History(header, body, source, remarks)
