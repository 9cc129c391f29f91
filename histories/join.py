"""Which return belongs to which call: the one with the same client and number. What does not fit is an error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from histories.batches import Column, Places, Words, taken
from histories.errors import MEND, HistoryError

_SOME = 1 << 20
"""Calls that are compared with their returns at a time, for which columns of their own are made."""


@dataclass(frozen=True)
class Side:
    """Who made the calls (or got the returns), under which number, and where the rows stood."""

    client: Column
    number: Column
    place: Column


class Blame:
    """Says which rows are wrong together, and where they stand."""

    def __init__(self, places: Places, words: Words, calls: Side, returns: Side) -> None:
        self._places, self._words = places, words
        self._calls, self._returns = calls, returns

    def twice(self, side: Side, first: int, second: int) -> HistoryError:
        """Two calls, or two returns, of one client have the same number."""
        kind = "call" if side is self._calls else "return"
        at = self._places.where(int(side.place[first])).removesuffix(": ")
        return self._error(side, second, f"the same {kind} is there a second time" + (f", after {at}" if at else ""))

    def stray(self, row: int) -> HistoryError:
        """A return has no call."""
        return self._error(self._returns, row, "a return has no call")

    def disagreement(self, pairs: Column, columns: dict[str, tuple[Column, Column]]) -> None:
        """Raise for the first return that tells another operation, lock or attempt than its call."""
        for name, (mine, theirs) in columns.items():
            self._first(pairs, mine, theirs, np.not_equal, f"a return names another {name} than its call")

    def reversal(self, pairs: Column, inv: Column, came: Column) -> None:
        """Raise for the first return that lies before its call."""
        self._first(pairs, inv, came, np.greater, "a return lies before its call in time")

    def _first(self, pairs: Column, mine: Column, theirs: Column, wrong: np.ufunc, what: str) -> None:
        for first in range(0, len(pairs), _SOME):
            closed = first + np.flatnonzero(pairs[first : first + _SOME] >= 0)
            found = wrong(taken(mine, closed), taken(theirs, pairs[closed]))
            if found.any():
                raise self._error(self._returns, int(pairs[closed[np.argmax(found)]]), what)

    def _error(self, side: Side, row: int, what: str) -> HistoryError:
        where = self._places.where(int(side.place[row]))
        client = self._words.clients.texts()[int(side.client[row])]
        return HistoryError(f"{where}{what} (client {client!r:.80}, call {side.number[row]}); {MEND}")


def pair(calls: Side, returns: Side, clients: int, blame: Blame) -> Column:
    """Per call the row of its return, −1 where it never came back."""
    call_keys, return_keys, bound = _keys(calls, returns, clients)
    call_of = _rows_by_key(call_keys, bound, calls, blame)
    strays = np.flatnonzero(call_of[return_keys] < 0)
    if len(strays):
        raise blame.stray(int(strays[0]))
    del call_of
    return _rows_by_key(return_keys, bound, returns, blame)[call_keys]


def _keys(calls: Side, returns: Side, clients: int) -> tuple[Column, Column, int]:
    """A whole number per row that is the same for the same client and number, and a bound above all of them."""
    least, most = np.full(clients, 1 << 62), np.full(clients, -1 << 62)
    for side in (calls, returns):
        np.minimum.at(least, side.client, side.number)
        np.maximum.at(most, side.client, side.number)
    # Without sign, because the difference of two 64-bit numbers may be greater than either.
    gaps = np.where(most >= least, most.view(np.uint64) - least.view(np.uint64), 0)
    rows = len(calls.number) + len(returns.number)
    if gaps.astype(np.float64).sum() <= 4 * rows:
        # Each client counts its calls, so the numbers of one client lie close together.
        spans = gaps.astype(np.int64) + 1
        ends = np.cumsum(spans)
        begins = ends - spans - least
        bound = int(ends[-1]) if clients else 0
        kind = np.int32 if bound < 1 << 31 else np.int64
        one, other = ((side.number + begins[side.client]).astype(kind) for side in (calls, returns))
        return one, other, bound
    # Numbers with great gaps: rank them first, then rank the pairs of client and rank.
    _, ranks = np.unique(np.concatenate([calls.number, returns.number]), return_inverse=True)
    both = np.concatenate([calls.client, returns.client]).astype(np.int64) * (rows + 1) + ranks
    _, keys = np.unique(both, return_inverse=True)
    return keys[: len(calls.number)], keys[len(calls.number) :], rows


def _rows_by_key(keys: Column, bound: int, side: Side, blame: Blame) -> Column:
    rows = np.arange(len(keys), dtype=np.int32 if len(keys) < 1 << 31 else np.int64)
    table = np.full(bound, -1, rows.dtype)
    table[keys] = rows
    again = np.flatnonzero(table[keys] != rows)
    if len(again):
        raise blame.twice(side, int(again[0]), int(table[keys[again[0]]]))
    return table
