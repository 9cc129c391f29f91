"""Decode the lines of a history and collect them: calls and returns as columns, everything else as rows.

Damage anywhere but in a torn last line is an error with file and line, because a verdict on a damaged history would be
a guess. Kinds of rows this version does not know are left out aloud.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from histories.columns import NEVER
from histories.errors import MEND, RESTORE, HistoryError
from histories.history import History, finish, require_version
from histories.lines import NO_JSON, texts_of
from histories.pairing import CallBuilder
from histories.rows import AnyRow, Call, Event, Header, Return
from histories.scan import Scanner
from histories.spec import Spec

_DECODER: msgspec.json.Decoder[AnyRow] = msgspec.json.Decoder(AnyRow)
_KNOWN = frozenset(str(row.__struct_config__.tag) for row in AnyRow.__args__)
_MOST_KINDS = 20
_SOME = 1 << 10
"""Rows that are objects at the same time: few, so that they stay in the processor's cache."""


class _Kind(msgspec.Struct):
    row: str
    version: int = 0


_KIND: msgspec.json.Decoder[_Kind] = msgspec.json.Decoder(_Kind)


class Strangers:
    """Rows of unknown kinds: where the first of each stood, and how many there were."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._count: Counter[str] = Counter()

    def add(self, kind: str, path: Path, number: int) -> None:
        """Count a row."""
        name = kind[:40] if len(self._first) < _MOST_KINDS or kind[:40] in self._first else "(any other)"
        self._first.setdefault(name, f"{path.name}: line {number}")
        self._count[name] += 1

    def remarks(self) -> list[str]:
        """A sentence per kind."""
        return [
            f"{first} is of unknown kind {kind!r} and was left out"
            + (f", as were {self._count[kind] - 1} more of that kind" if self._count[kind] > 1 else "")
            for kind, first in self._first.items()
        ]


def row_of(line: bytes, path: Path, number: int, strangers: Strangers) -> AnyRow | None:
    """Decode one line. None for a kind of row this version does not know.

    Raises HistoryError for text that is not a row.
    """
    try:
        return _DECODER.decode(line)
    except NO_JSON as error:
        kind = _kind_of(line)
        if kind is not None and kind.row not in _KNOWN:
            strangers.add(kind.row, path, number)
            return None
        if kind is not None and kind.row == "header" and kind.version > 0:
            require_version(kind.version, f"{path}: ")
        raise HistoryError(
            f"{path}: line {number} is not a row of a history ({str(error)[:200]}); {RESTORE}"
        ) from error


def _kind_of(line: bytes) -> _Kind | None:
    try:
        return _KIND.decode(line)
    except NO_JSON:
        return None


def rows_in(lines: Sequence[tuple[int, bytes]], path: Path, strangers: Strangers) -> tuple[list[AnyRow], list[int]]:
    """The rows of numbered lines of a file, and their numbers. Raises HistoryError as :func:`row_of` does."""
    try:
        return [_DECODER.decode(line) for _, line in lines], [number for number, _ in lines]
    except NO_JSON:
        pass
    found = [
        (row, number)
        for number, line in lines
        if line.strip() and (row := row_of(line, path, number, strangers)) is not None
    ]
    return [row for row, _ in found], [number for _, number in found]


def read_rows(path: Path, remarks: list[str]) -> list[AnyRow]:
    """All rows of one file, in file order. Raises HistoryError as :func:`histories.read.read` does."""
    strangers = Strangers()
    rows: list[AnyRow] = []
    for first, text in texts_of(path, remarks):
        rows += rows_in(list(enumerate(text.split(b"\n"), first)), path, strangers)[0]
    remarks.extend(strangers.remarks())
    return rows


class Collector:
    """Rows of one or more files on their way into a history; only those that are no calls or returns stay objects."""

    def __init__(self, remarks: list[str]) -> None:
        self._remarks = remarks
        self._strangers = Strangers()
        self._builder = CallBuilder()
        self._scanner = Scanner(self._builder.words)
        self._headers: list[Header] = []
        self._body: list[Event] = []

    def read(self, path: Path) -> int:
        """Take the rows of a file; returns how many there were. Raises HistoryError."""
        file = self._builder.places.file(str(path))
        count = headers = 0
        for first, text in texts_of(path, self._remarks):
            scanned, rest = self._scanner.scan(text, file + first)
            several = [scanned]
            places = [piece["place"] for pieces in scanned.values() for piece in pieces]
            for some in range(0, len(rest), _SOME):
                numbered = [(first + line, content) for line, content in rest[some : some + _SOME]]
                rows, numbers = rows_in(numbered, path, self._strangers)
                several.append(self._builder.encoded(rows, np.array(numbers, np.int64) + file))
                for at, row in enumerate(rows):
                    if isinstance(row, Header):
                        above = sum(int(np.count_nonzero(place < file + numbers[at])) for place in places)
                        if count + at + above != headers:
                            where = f"{path}: line {numbers[at]}"
                            raise HistoryError(f"{where}: a header stands below other rows; make it the first line")
                        headers += 1
                    if not isinstance(row, Call | Return):
                        self._take(row, path, numbers[at])
                count += len(rows)
            count += sum(map(len, places))
            self._builder.append(*several)
        return count

    def _take(self, row: Header | Event, path: Path, number: int) -> None:
        if not 0 <= row.t < NEVER:
            raise HistoryError(f"{path}: line {number}: t is {row.t}, outside 0 … {NEVER - 1}; {MEND}")
        if isinstance(row, Header):
            self._headers.append(row)
        else:
            self._body.append(row)

    def history(self, source: Path, spec: Spec | None) -> History:
        """What was read, as a history. Raises HistoryError as :func:`histories.history.arrange` does."""
        self._remarks.extend(self._strangers.remarks())
        return finish(self._headers, self._builder, self._body, source, self._remarks, spec)
