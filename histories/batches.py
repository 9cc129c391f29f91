"""Rows of one kind, taken a batch at a time and kept as columns: what reading ten million rows holds in memory.

A batch in which a field is alike in all rows costs one number, so fields nobody uses take no room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from histories.columns import ENDING, NEVER, NONE, OP, alike
from histories.errors import MEND, HistoryError
from histories.grown import Grown
from histories.labels import NO_NAME, CodeBuilder, LabelBuilder
from histories.rows import AnyRow, Call, Return, Row
from histories.vocabulary import MODES, REFUSALS

Column = NDArray[Any]
Encode = Callable[[Sequence[Any]], Column]

Pieces = dict[type[Row], list[dict[str, Column]]]
"""Columns of calls and of returns, each of several lots of rows; ``place`` is one of the columns."""

_JSON = msgspec.json.Encoder(order="deterministic")
_LINE_BITS = 40
"""A place is a file's number · 2⁴⁰ + the line; 0 is no place."""

_FIELD = {
    "t": (np.int64, 0, NEVER - 1),
    "call": (np.int64, NONE + 1, -NONE - 1),
    "fence": (np.int64, NONE + 1, -NONE - 1),
    "lease_until": (np.int64, NONE + 1, -NONE - 1),
    "depth": (np.int32, -(1 << 31), (1 << 31) - 1),
    "permits": (np.int32, 1, (1 << 31) - 1),
}
"""Fields that are whole numbers: how they are kept, and the smallest and largest one there may be."""

_ABSENT: dict[str, tuple[int, type[np.generic]]] = {
    "owner": (NO_NAME, np.int64),
    "fence": (NONE, np.int64),
    "lease_until": (NONE, np.int64),
    "depth": (1, np.int32),
    "mode": (0, np.uint8),
    "permits": (1, np.int32),
    "refusal": (-1, np.int8),
    "value": (NO_NAME, np.int64),
    "error": (NO_NAME, np.int64),
}
"""What stands for a field that was not written, and how it is kept."""

_UNFIT = (KeyError, TypeError, UnicodeError, OverflowError, RecursionError)
"""What turning a row made by a program, not decoded, into columns may raise."""


class Places:
    """Where rows were read, as one number per row."""

    def __init__(self) -> None:
        self._files = [""]

    def file(self, name: str) -> int:
        """The place before the first line of a file: add the line to it."""
        self._files.append(name)
        return (len(self._files) - 1) << _LINE_BITS

    def where(self, place: int) -> str:
        """``file: line n``, or nothing for a row that stood in no file."""
        file = place >> _LINE_BITS
        return f"{self._files[file]}: line {place & ((1 << _LINE_BITS) - 1)}: " if file else ""


class Words:
    """The texts that call and return rows share, each kind with numbers of its own."""

    def __init__(self) -> None:
        self.clients, self.locks = CodeBuilder(), CodeBuilder()
        self.attempts, self.owners, self.values, self.errors = (LabelBuilder() for _ in range(4))

    def encoders(self) -> dict[str, Encode]:
        """How each field that is no whole number becomes a column."""
        return {
            "client": self.clients.codes,
            "lock": self.locks.codes,
            "attempt": self.attempts.keys,
            "owner": self.owners.keys,
            "error": self.errors.keys,
            "value": self._values,
            "op": _chosen(OP, np.uint8),
            "outcome": _chosen(ENDING, np.uint8),
            "mode": _chosen({name: code for code, name in enumerate(MODES)}, np.uint8),
            "refusal": _chosen({None: -1, **{name: code for code, name in enumerate(REFUSALS)}}, np.int8),
        }

    def _values(self, column: Sequence[Any]) -> NDArray[np.int64]:
        return self.values.keys([None if value is None else _JSON.encode(value).decode() for value in column])


def _chosen(codes: dict[Any, int], kind: type[np.generic]) -> Encode:
    return lambda column: np.fromiter(map(codes.__getitem__, column), kind, len(column))


class Batches:
    """The fields of all rows of one kind so far, a column each; ``place`` is where they stood."""

    def __init__(self, kind: type[Call] | type[Return], words: Words, places: Places) -> None:
        self._fields = kind.__struct_fields__
        self._encoders = words.encoders()
        self._places = places
        self._columns = {name: Grown() for name in (*self._fields, "place")}

    def encoded(self, rows: Sequence[AnyRow], places: NDArray[np.int64]) -> dict[str, Column]:
        """Rows as columns, and ``place`` with them. Raises HistoryError for a number out of range."""
        found: dict[str, Column] = {"place": places}
        columns: Iterable[tuple[Any, ...]] = zip(*map(msgspec.structs.astuple, rows), strict=True)
        for name, column in zip(self._fields, columns, strict=False):
            # Values are compared by identity with None only: True, 1 and 1.0 are equal and yet not alike.
            same = column.count(column[0]) == len(column) if name != "value" else column.count(None) == len(column)
            part = self._encode(name, column[:1] if same else column, places)
            found[name] = alike(part[0], len(column), part.dtype.type) if same else part
        return found

    def append(self, pieces: Sequence[dict[str, Column]]) -> None:
        """Take columns, which together are one batch, in the order of their places; absent fields have no value."""
        given = [piece for piece in pieces if len(piece["place"])]
        if not given:
            return
        lengths = [len(piece["place"]) for piece in given]
        order = np.argsort(np.concatenate([piece["place"] for piece in given]), kind="stable") if given[1:] else None
        for name, column in self._columns.items():
            columns = [
                piece[name] if name in piece else alike(*_ABSENT[name][:1], length, _ABSENT[name][1])
                for piece, length in zip(given, lengths, strict=True)
            ]
            column.extend(taken(_together(columns), order))

    def column(self, name: str) -> Column:
        """A whole column; it is forgotten here, so that it need not be in memory twice."""
        return self._columns.pop(name).whole()

    def _encode(self, name: str, column: Sequence[Any], places: NDArray[np.int64]) -> Column:
        if name not in _FIELD:
            return self._words_of(name, column, places)
        kind, least, most = _FIELD[name]
        given: Sequence[Any] = column
        if name in {"fence", "lease_until"}:
            given = [least if value is None else value for value in column]
        if least <= min(given) and max(given) <= most:
            numbers = np.fromiter(given, kind, len(given))
            if given is not column:
                numbers[np.fromiter((value is None for value in column), np.bool_, len(column))] = NONE
            return numbers
        wrong = next(number for number, value in enumerate(given) if not least <= value <= most)
        raise self._error(places[wrong], f"{name} is {given[wrong]}, outside {least} … {most}")

    def _words_of(self, name: str, column: Sequence[Any], places: NDArray[np.int64]) -> Column:
        encode = self._encoders[name]
        try:
            return encode(column)
        except _UNFIT:
            for value, place in zip(column, places, strict=False):
                try:
                    encode([value])
                except _UNFIT:
                    raise self._error(place, f"{name} is {value!r:.80}, which a history cannot hold") from None
            raise

    def _error(self, place: np.int64, what: str) -> HistoryError:
        return HistoryError(f"{self._places.where(int(place))}{what}; {MEND}")


def _together(parts: list[Column]) -> Column:
    """One column of several."""
    if len(parts) == 1:
        return parts[0]
    if all(is_alike(part) and part[0] == parts[0][0] for part in parts):
        return alike(parts[0][0], sum(map(len, parts)), parts[0].dtype.type)
    return np.concatenate(parts)


def is_alike(column: Column) -> bool:
    """Whether the column is one of :func:`histories.columns.alike`: rows that need no memory of their own."""
    return len(column) > 0 and (column.strides == (0,) or len(column) == 1)


def taken(column: Column, rows: Column | None) -> Column:
    """Some rows of a column; None: all of them."""
    if rows is None:
        return column
    return alike(column[0], len(rows), column.dtype.type) if is_alike(column) else column[rows]
