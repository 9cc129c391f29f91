"""Columns of text without an object per entry: packed strings, and names that end with a number.

Attempts are called ``c1-17``, counters are written as ``18``: ten million of them have few different beginnings. So a
name is kept as one 64-bit key (which beginning, which number), and equal keys mean equal names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_NAME = -1
"""The key of a name that is not there."""

_NUMBERED = re.compile(r"(.*?)(0|[1-9][0-9]{0,8})", re.DOTALL)
_DIGITS = "0123456789"
_LONGEST = 9
"""How many digits of a name's end are kept as a number."""

_MOST_KNOWN = 1 << 16
_SOME = 1 << 20
"""Rows worked on at a time, where whole columns would take much memory for the steps in between."""

_SHIFT = 32
_REST = (1 << _SHIFT) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Strings packed one after another: the ``i``-th lies in ``data[offsets[i]:offsets[i + 1]]`` as UTF-8."""

    offsets: NDArray[np.int64]
    data: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, number: int) -> str:
        return self.data[self.offsets[number] : self.offsets[number + 1]].tobytes().decode("utf-8", "surrogatepass")

    def take(self, chosen: NDArray[np.intp]) -> Texts:
        """Some of them, in the order chosen."""
        lengths = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return Texts(offsets, self.data[np.repeat(self.offsets[:-1][chosen], lengths) + within])

    def list(self) -> list[str]:
        """All of them."""
        return [self[number] for number in range(len(self))]


def pack(texts: Iterable[str]) -> Texts:
    """Pack strings."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.fromiter(accumulate(map(len, encoded), initial=0), np.int64, len(encoded) + 1)
    return Texts(offsets, np.frombuffer(b"".join(encoded), np.uint8))


def taken(column: NDArray[Any], rows: NDArray[np.intp] | slice) -> NDArray[Any]:
    """Some rows of a column; where all are alike (:func:`histories.columns.alike`) they still take no memory."""
    if isinstance(rows, slice) or column.strides != (0,) or not len(column):
        return column[rows]
    some: NDArray[Any] = np.ndarray((len(rows),), column.dtype, column[:1], strides=(0,))
    some.flags.writeable = False
    return some


def first_used(
    codes: NDArray[np.integer[Any]], count: int, shift: int = 0
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Which of the numbers below ``count`` occur, in order of first use, and each one's place in that order (−1: none).

    The same calls then give the same columns, whichever files they were read from. ``shift``: the numbers are those of
    ``codes`` without so many bits; negative ones do not count.
    """
    first = np.full(count + 1, len(codes), np.int64)
    for start in reversed(range(0, len(codes), _SOME)):
        some = codes[start : start + _SOME][::-1] >> shift
        first[some] = np.arange(start + len(some) - 1, start - 1, -1)
    first = first[:count]  # the last was for −1
    order = np.argsort(first, kind="stable")
    used = order[: np.count_nonzero(first < len(codes))]
    number = np.full(count, -1, np.int64)
    number[used] = np.arange(len(used))
    return used, number


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """A column of names: ``keys`` are NO_NAME, or which of ``prefixes`` · 2³² + the number at the end + 1 (0: none)."""

    keys: NDArray[np.int64]
    prefixes: Texts

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, number: int) -> str | None:
        return self.name(int(self.keys[number]))

    def name(self, key: int) -> str | None:
        """The name a key stands for."""
        if key < 0:
            return None
        rest = key & _REST
        return self.prefixes[key >> _SHIFT] + (str(rest - 1) if rest else "")

    def finder(self) -> Callable[[str | None], int]:
        """A function from a name to its key; NO_NAME for names that cannot be in the column."""
        codes = {prefix: code for code, prefix in enumerate(self.prefixes.list())}

        def find(name: str | None) -> int:
            if name is None:
                return NO_NAME
            prefix, number = _split(name)
            code = codes.get(prefix)
            return NO_NAME if code is None else code << _SHIFT | number

        return find

    def canonical(self) -> Labels:
        """The same names with their beginnings numbered in order of first use, and none that is not used."""
        named = self.keys[:1] if self.keys.strides == (0,) else self.keys
        used, number = first_used(named, len(self.prefixes), _SHIFT)
        number = np.append(number << _SHIFT, NO_NAME)
        keys = np.empty(len(named), np.int64)
        for start in range(0, len(named), _SOME):
            some = named[start : start + _SOME]
            keys[start : start + _SOME] = number[some >> _SHIFT] | np.where(some < 0, NO_NAME, some & _REST)
        whole = np.broadcast_to(keys, (len(self.keys),)) if len(keys) < len(self.keys) else keys
        return Labels(whole, self.prefixes.take(used))

    def take(self, chosen: NDArray[np.intp] | slice) -> Labels:
        """The names of some rows."""
        return Labels(taken(self.keys, chosen), self.prefixes)


def _split(name: str) -> tuple[str, int]:
    """(beginning, number at the end + 1, or 0)."""
    prefix = name.rstrip(_DIGITS)
    digits = name[len(prefix) :]
    if not digits:
        return name, 0
    if len(digits) <= _LONGEST and (digits[0] != "0" or digits == "0"):
        return prefix, int(digits) + 1  # what the pattern finds too, but sooner
    match = _NUMBERED.fullmatch(name)
    return (name, 0) if match is None else (match[1], int(match[2]) + 1)


class _Known(dict[Any, int]):
    """Numbers found so far, but not more than _MOST_KNOWN; what is not there is asked for."""

    def __init__(self, ask: Callable[[Any], int]) -> None:
        self._ask = ask

    def __missing__(self, text: Any) -> int:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        number = self[text] = self._ask(text)
        return number


class LabelBuilder:
    """Gives names their keys; the same name always gets the same key."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._known = _Known(self.key)

    def key(self, name: str | None) -> int:
        """The key of a name."""
        if name is None:
            return NO_NAME
        prefix, number = _split(name)
        return self.beginning(prefix) << _SHIFT | number

    def beginning(self, prefix: str) -> int:
        """The number of a beginning: what stands before the number at the end of a name."""
        return self._codes.setdefault(prefix, len(self._codes))

    def keys(self, names: Sequence[str | None]) -> NDArray[np.int64]:
        """The keys of many names."""
        return np.fromiter(map(self._known.__getitem__, names), np.int64, len(names))

    def numbered(self, beginnings: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The keys of names cut by the caller; ``numbers`` below 10⁹, −1 where a name ends with none."""
        return beginnings << _SHIFT | (numbers + 1)

    def labels(self, keys: Sequence[int] | NDArray[np.int64]) -> Labels:
        """The column of these keys, which this builder gave."""
        return Labels(np.asarray(keys, np.int64), pack(self._codes))


class CodeBuilder:
    """Numbers strings in order of first use; ``None`` is −1."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._known = _Known(self.code)

    def __len__(self) -> int:
        return len(self._codes)

    def code(self, text: str) -> int:
        """The number of a string."""
        return self._codes.setdefault(text, len(self._codes))

    def codes(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """The numbers of many strings."""
        return np.fromiter(map(self._known.__getitem__, texts), np.int32, len(texts))

    def texts(self) -> Texts:
        """The strings in order of their numbers."""
        return pack(self._codes)
