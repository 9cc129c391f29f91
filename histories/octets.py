"""Numbers and short texts out of bytes, for many places at once, eight bytes at a time.

Python's own decoding costs a microsecond per row and more; here every step is one pass of numpy over all rows. The
eight digits in a word are turned into a number by three multiplications (Daniel Lemire, "Quickly parsing eight digits",
2018).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Places = NDArray[np.int64]

FRONT, BACK = 24, 64
"""Zeros before and behind the bytes, so that a word may be loaded a little outside them."""

_U = np.uint64
_ZEROS, _NINES, _TOPS = _U(0x3030303030303030), _U(0x7676767676767676), _U(0x8080808080808080)
_FIRST = np.array([(1 << 8 * count) - 1 for count in range(9)], _U)
"""Keeps the first ``count`` bytes of a word."""
_LAST = np.array([((1 << 64) - 1) ^ ((1 << 8 * (8 - count)) - 1) for count in range(9)], _U)
"""Keeps the last ``count`` bytes of a word."""
_TOP_OF = np.array([0x80 << 8 * byte for byte in range(8)], _U)
_MOST_DIGITS = 18
_MOST_KNOWN = 1 << 14


class Octets:
    """Bytes to be read at places; a place counts from ``FRONT``, ends are exclusive. Only for ASCII text."""

    def __init__(self, content: bytes) -> None:
        self.padded = b"\0" * FRONT + content + b"\0" * BACK
        self.data = np.frombuffer(self.padded, np.uint8)
        self._words: Words = np.ndarray((len(self.padded) - 7,), "<u8", self.padded, strides=(1,))

    def text(self, start: int, end: int) -> str:
        """One text."""
        return self.padded[start:end].decode("ascii")

    def texts(self, start: Places, end: Places) -> list[str]:
        """Texts, one by one."""
        return [self.text(*place) for place in zip(start.tolist(), end.tolist(), strict=True)]

    def heads(self, start: Places, length: Places) -> Words:
        """The first eight bytes of texts, or as many as they have."""
        return self._words[start] & _FIRST[np.clip(length, 0, 8)]

    def stands(self, literal: bytes, at: Places) -> NDArray[np.bool_]:
        """Where a literal stands."""
        there = np.ones(len(at), np.bool_)
        for offset in range(0, len(literal), 8):
            piece = literal[offset : offset + 8]
            word = _U(int.from_bytes(piece, "little"))
            there &= (self._words[at + offset] & _FIRST[len(piece)]) == word
        return there

    def numbers(self, start: Places, end: Places) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Whole numbers without sign, and where there is one: 1 to 18 digits, the first of several not 0."""
        length = end - start
        number, good = self._eight(end, length)
        for more in (8, 16):
            if length.max(initial=0) > more:
                front, also = self._eight(end - more, length - more)
                number, good = number + front * 10**more, good & also
        good &= (length > 0) & (length <= _MOST_DIGITS)
        good &= (length == 1) | (self.data[start] != ord("0"))
        return number, good

    def digits(self, start: Places, end: Places) -> NDArray[np.int64]:
        """How many digits texts end with, but not more than eight."""
        count = np.clip(end - start, 0, 8)
        foreign = _foreign(self._words[end - 8] ^ _ZEROS) | (_FIRST[8 - count] & _TOPS)
        return np.asarray(8 - np.searchsorted(_TOP_OF, foreign, side="right"), np.int64)

    def _eight(self, end: Places, length: Places) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The number of the last eight digits, or as many as there are, and whether they are digits."""
        word = (self._words[end - 8] ^ _ZEROS) & _LAST[np.clip(length, 0, 8)]
        good = _foreign(word) == 0
        word = word * _U(2561) >> _U(8)
        word = (word & _U(0x00FF00FF00FF00FF)) * _U(6553601) >> _U(16)
        word = (word & _U(0x0000FFFF0000FFFF)) * _U(42949672960001) >> _U(32)
        return word.astype(np.int64), good


def _foreign(word: Words) -> Words:
    """The top bit of every byte that is more than nine."""
    return ((word + _NINES) | word) & _TOPS


class Dictionary:
    """The numbers of texts, found by their bytes; what is new is asked for."""

    def __init__(self, ask: Callable[[str], int]) -> None:
        self._ask = ask
        self._short, self._long = _Table(), _Table()
        self._halves = _Table(), _Table()

    def codes(self, octets: Octets, start: Places, end: Places) -> NDArray[np.int64]:
        """The numbers of texts. Raises what ``ask`` raises."""
        length = end - start
        longest = length.max(initial=0)
        heads = octets.heads(start, length)
        if longest <= 8:
            return self._short.find(heads, lambda row: self._ask(octets.text(int(start[row]), int(end[row]))))
        if longest > 16:
            return np.array([self._ask(text) for text in octets.texts(start, end)], np.int64)
        tails = octets.heads(start + 8, length - 8)
        # Two words do not fit into one, their numbers do; numbers are never forgotten before both tables are.
        if max(map(len, self._halves)) > _MOST_KNOWN:
            self._long, self._halves = _Table(), (_Table(), _Table())
        one, other = (half.find(words, None) for half, words in zip(self._halves, (heads, tails), strict=True))
        both = (one << 32 | other).astype(np.uint64)
        return self._long.find(both, lambda row: self._ask(octets.text(int(start[row]), int(end[row]))))


class _Table:
    """Numbers of words."""

    def __init__(self) -> None:
        self._words = np.empty(0, _U)
        self._codes = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._words)

    def find(self, words: Words, ask: Callable[[int], int] | None) -> NDArray[np.int64]:
        """The numbers of words. ``ask``: for the number of the word in a row; None: they are counted."""
        if len(words) and (words == words[0]).all() and len(words) > 1:
            return np.repeat(self.find(words[:1], ask), len(words))
        found, known = self._look(words)
        if known.all():
            return found
        if ask is not None and len(self._words) > _MOST_KNOWN:
            self._words, self._codes = self._words[:0], self._codes[:0]
            known[:] = False
        new, first = np.unique(words[~known], return_index=True)
        rows = np.flatnonzero(~known)[first].tolist()
        codes: Any = range(len(self), len(self) + len(new)) if ask is None else [ask(row) for row in rows]
        places = np.searchsorted(self._words, new)
        self._words = np.insert(self._words, places, new)
        self._codes = np.insert(self._codes, places, np.array(codes, np.int64))
        return self._look(words)[0]

    def _look(self, words: Words) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        if not len(self._words):
            return np.zeros(len(words), np.int64), np.zeros(len(words), np.bool_)
        at = np.minimum(np.searchsorted(self._words, words), len(self._words) - 1)
        return self._codes[at], self._words[at] == words
