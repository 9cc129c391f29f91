"""Columns that grow as rows are read, in few large pieces of memory.

Thousands of small arrays would be kept between the short-lived ones of reading, and the memory of those could not be
given back: a column of 80 MB would cost 160.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from histories.columns import alike

_PIECE = 1 << 18
"""Rows in a piece at most."""


class Grown:
    """One column; while all its rows are alike it is one number."""

    def __init__(self) -> None:
        self._pieces: list[NDArray[Any]] = []
        self._free = 0
        self._length = 0
        self._value: NDArray[Any] | None = None

    def extend(self, part: NDArray[Any]) -> None:
        """Add rows, at least one."""
        if not self._pieces:
            first = part[:1].copy() if self._value is None else self._value
            if part.strides == (0,) or len(part) == 1:
                same = bool(part[0] == first[0])
            else:
                same = bool(part[-1] == first[0] and (part == first[0]).all())
            if same:
                self._value = first
                self._length += len(part)
                return
            if self._length:
                self._put(alike(first[0], self._length, first.dtype.type))
        self._put(part)
        self._length += len(part)

    def _put(self, part: NDArray[Any]) -> None:
        while len(part):
            if not self._free:
                self._free = min(_PIECE, max(len(part), self._length))
                self._pieces.append(np.empty(self._free, part.dtype))
            piece = self._pieces[-1]
            some = part[: self._free]
            start = len(piece) - self._free
            piece[start : start + len(some)] = some
            self._free -= len(some)
            part = part[len(some) :]

    def whole(self) -> NDArray[Any]:
        """The column so far."""
        if self._pieces:
            last = self._pieces[-1]
            return np.concatenate([*self._pieces[:-1], last[: len(last) - self._free]])
        if self._value is None:
            return np.empty(0, np.int64)
        return alike(self._value[0], self._length, self._value.dtype.type)
