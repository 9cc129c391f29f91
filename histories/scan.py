"""Read call and return lines straight into columns, thousands at a time, where they look as our writers write them.

What does not (other rows, escapes, letters beyond ASCII, values that are no whole numbers, damage) is left to the
decoder of JSON, line by line; both give the same columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from histories.batches import Column, Pieces, Words
from histories.columns import ENDING, OP
from histories.labels import LabelBuilder
from histories.octets import FRONT, Dictionary, Octets, Places
from histories.rows import Call, Return, Row
from histories.shapes import Fields, Lines, Shape, learn
from histories.vocabulary import MODES, REFUSALS

_MOST_NEW = 8
"""Shapes learned from one block; a file in which every line has another is not read faster by learning."""
_MOST_SHAPES = 64
_LARGEST = {"depth": (1 << 31) - 1, "permits": (1 << 31) - 1, "value": 10**9 - 1}
_KIND: dict[str, type[np.generic]] = {
    "op": np.uint8, "outcome": np.uint8, "mode": np.uint8, "refusal": np.int8, "client": np.int32, "lock": np.int32,
    "depth": np.int32, "permits": np.int32,
}  # fmt: skip


class Scanner:
    """Knows the shapes and words seen so far. ``words``: the numbers of texts, shared with the decoder's rows.
    ``least``: fewer lines at a time are left to the decoder, because they are not worth the many steps."""

    def __init__(self, words: Words, least: int = 64) -> None:
        self._least = least
        self._shapes: dict[int, list[Shape]] = defaultdict(list)
        coded: dict[str, Callable[[str], int]] = {
            "client": words.clients.code,
            "lock": words.locks.code,
            "op": OP.__getitem__,
            "outcome": ENDING.__getitem__,
            "mode": MODES.index,
            "refusal": REFUSALS.index,
        }
        self._codes = {name: Dictionary(ask) for name, ask in coded.items()}
        named = {"attempt": words.attempts, "owner": words.owners, "error": words.errors}
        self._names = {name: _Names(builder) for name, builder in named.items()}
        self._values = words.values

    def scan(self, block: bytes, place: int) -> tuple[Pieces, list[tuple[int, bytes]]]:
        """The calls and returns of whole lines, of which the first stands at ``place``, as columns; and the lines left
        over, each with which one it is."""
        octets = Octets(block + b"\n")
        ends = np.flatnonzero(octets.data == ord("\n"))
        if len(ends) < self._least:
            return {}, list(enumerate(block.split(b"\n")))
        starts = np.concatenate([np.array([FRONT]), ends[:-1] + 1])
        left = np.ones(len(ends), np.bool_)
        pieces: Pieces = {Call: [], Return: []}
        quotes = np.flatnonzero(octets.data == ord('"'))
        first = np.searchsorted(quotes, starts)
        count = np.diff(first, append=len(quotes))
        plain = _plain(octets, ends)
        for number in np.unique(count[plain]).tolist():
            lines = np.flatnonzero(plain & (count == number))
            places = Lines(starts[lines], ends[lines], first[lines], quotes)
            for kind, rows, columns in self._found(octets, places, number):
                columns["place"] = lines[rows] + place
                pieces[kind].append(columns)
                left[lines[rows]] = False
        over = np.flatnonzero(left)
        bounds = zip(over.tolist(), starts[over].tolist(), ends[over].tolist(), strict=True)
        return pieces, [(line, octets.padded[start:end]) for line, start, end in bounds]

    def _found(
        self, octets: Octets, lines: Lines, quotes: int
    ) -> Iterator[tuple[type[Row], NDArray[np.intp], dict[str, Column]]]:
        """The columns of lines that have the same number of quotes, shape by shape."""
        rest = np.arange(len(lines.start))
        shapes = self._shapes[quotes]
        for shape in [*shapes, *[None] * _MOST_NEW]:
            if len(rest) < self._least:
                return
            if shape is None:
                shape = learn(octets.padded[lines.start[rest[0]] : lines.end[rest[0]]])
                if shape is None or sum(map(len, self._shapes.values())) >= _MOST_SHAPES:
                    rest = rest[1:]
                    continue
                shapes.append(shape)
            chosen, fields = shape.find(octets, lines.take(rest))
            within = np.logical_and.reduce(
                [fields[name][0] <= most for name, most in _LARGEST.items() if name in fields] or [chosen >= 0]
            )
            if "permits" in fields:
                within &= fields["permits"][0] >= 1
            columns = self._columns(
                octets, {name: tuple(part[within] for part in parts) for name, parts in fields.items()}
            )
            if columns is not None:
                yield shape.kind, rest[chosen[within]], columns
            rest = np.delete(rest, chosen)

    def _columns(self, octets: Octets, fields: Fields) -> dict[str, Column] | None:
        """None where a word is unknown: the decoder will say where."""
        columns: dict[str, Column] = {}
        try:
            for name, parts in fields.items():
                if name in self._names:
                    columns[name] = self._names[name].keys(octets, *parts)
                elif name in self._codes:
                    columns[name] = self._codes[name].codes(octets, *parts).astype(_KIND[name])
                elif name == "value":
                    columns[name] = self._values.numbered(np.array(self._values.beginning("")), parts[0])
                else:
                    columns[name] = parts[0].astype(_KIND.get(name, np.int64), copy=False)
        except (LookupError, ValueError):
            return None
        return columns


class _Names:
    """The keys of names: what they begin with and the number at their end."""

    def __init__(self, builder: LabelBuilder) -> None:
        self._builder = builder
        self._beginnings = Dictionary(builder.beginning)

    def keys(self, octets: Octets, start: Places, end: Places) -> NDArray[np.int64]:
        count = octets.digits(start, end)
        number = octets.numbers(end - count, end)[0]
        # A number may not begin with 0, and one of eight digits may have more before them.
        odd = np.flatnonzero((count == 8) | ((count > 1) & (octets.data[end - count] == ord("0"))))
        cut = end - count
        cut[odd] = start[odd]
        keys = self._builder.numbered(self._beginnings.codes(octets, start, cut), np.where(count > 0, number, -1))
        keys[odd] = self._builder.keys(octets.texts(start[odd], end[odd]))
        return keys


def _plain(octets: Octets, ends: Places) -> NDArray[np.bool_]:
    """Which lines have nothing but printable ASCII in them, and no escapes."""
    content = octets.data[FRONT : ends[-1]]
    odd = (content - np.uint8(32) > 94) | (content == ord("\\"))
    plain = np.ones(len(ends), np.bool_)
    if np.count_nonzero(odd) >= len(ends):  # more than the ends of all lines but the last
        places = np.flatnonzero(odd)
        places = places[content[places] != ord("\n")]
        plain[np.searchsorted(ends, places + FRONT)] = False
    return plain
