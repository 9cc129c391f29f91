"""The shapes lines of calls and returns come in: which fields, in which order, with what between them.

Writers write the same fields in the same order again and again. A shape is learned from one line and then compared
with many at once, byte for byte, so a line either is of a shape or is decoded as any other JSON.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from histories.octets import Octets, Places
from histories.rows import Call, Return, Row

_LINE = re.compile(rb'\{"row":"(call|return)"((?:,"[a-z_]+":(?:"[^"\\]*"|[0-9]+))+)\}')
_FIELD = re.compile(rb',"([a-z_]+)":(?:(")[^"]*"|[0-9]+)')
_KINDS: dict[bytes, type[Row]] = {b"call": Call, b"return": Return}
_NUMBERS = frozenset({"t", "call", "fence", "lease_until", "depth", "permits", "value"})
_NEEDED: dict[type[Row], set[str]] = {
    Call: {"client", "call", "op", "lock", "attempt", "t"},
    Return: {"client", "call", "op", "lock", "attempt", "t", "outcome"},
}


@dataclass(frozen=True)
class Lines:
    """Where lines begin and end, and which of all ``quotes`` of the block is the ``first`` of each."""

    start: Places
    end: Places
    first: NDArray[np.intp]
    quotes: NDArray[np.intp]

    def take(self, rows: NDArray[np.intp]) -> Lines:
        """Some of the lines."""
        return Lines(self.start[rows], self.end[rows], self.first[rows], self.quotes)

    def quote(self, rows: NDArray[np.intp], number: int) -> Places:
        """Where some lines have their quote of that number."""
        return self.quotes[self.first[rows] + number]


Fields = dict[str, tuple[NDArray[np.int64], ...]]
"""Of each field of many lines: where its text begins and ends, or the number."""


@dataclass(frozen=True)
class Shape:
    """``kind``: of the row. ``quotes``: how many a line has. ``fields``: each with the bytes before it, whether it is a
    number, and which quote comes next after its first byte. ``last``: the bytes after all fields."""

    kind: type[Row]
    quotes: int
    fields: tuple[tuple[str, bytes, bool, int], ...]
    last: bytes

    def find(self, octets: Octets, lines: Lines) -> tuple[NDArray[np.intp], Fields]:
        """Which of the lines, all of them of as many quotes, are of this shape, and their fields."""
        rows, at = np.arange(len(lines.start)), lines.start
        fields: Fields = {}
        for name, before, is_number, quote in self.fields:
            rows, at, fields = _kept(octets.stands(before, at), rows, at, fields)
            begin = at + len(before)
            # Text ends at the next quote. After a number come a comma and the next name's quote, or the line's end.
            is_last = quote == self.quotes
            at = lines.end[rows] - len(self.last) if is_last else lines.quote(rows, quote) - int(is_number)
            if is_number:
                number, good = octets.numbers(begin, at)
                rows, at, fields = _kept(good, rows, at, fields | {name: (number,)})
            else:
                fields[name] = (begin, at)
        there = octets.stands(self.last, at) & (at + len(self.last) == lines.end[rows])
        rows, _, fields = _kept(there, rows, at, fields)
        return rows, fields


def _kept(
    there: NDArray[np.bool_], rows: NDArray[np.intp], at: Places, fields: Fields
) -> tuple[NDArray[np.intp], Places, Fields]:
    if there.all():
        return rows, at, fields
    return rows[there], at[there], {name: tuple(part[there] for part in parts) for name, parts in fields.items()}


def learn(line: bytes) -> Shape | None:
    """The shape of a line; None for one that is no call or return of known fields, each text or a whole number."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    kind = _KINDS[match[1]]
    before, quote = line[: match.start(2)], 4
    fields: list[tuple[str, bytes, bool, int]] = []
    for name, text in _FIELD.findall(match[2]):
        word = name.decode()
        quote += 2
        fields.append((word, before + b',"' + name + b'":' + text, not text, quote + 1 if text else quote))
        before, quote = text, quote + 2 * len(text)
    names = [name for name, *_ in fields]
    if len(set(names)) < len(names) or not _NEEDED[kind] <= set(names) <= set(kind.__struct_fields__):
        return None
    if any(is_number != (name in _NUMBERS) for name, _, is_number, _ in fields):
        return None
    return Shape(kind, quote, tuple(fields), before + b"}")
