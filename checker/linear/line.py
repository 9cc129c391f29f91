"""The operations of many locks on one line of time, one lock after the other, so that one sweep judges all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from checker.apart import stretches
from checker.linear.operations import NEVER, Operations
from checker.order import Rows, firsts, stable_order, taken

BEFORE_ALL = -NEVER


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """n operations lock by lock, each lock's in order of ``inv`` and in a stretch of time of its own.

    The k-th lock has the places [``bounds[k]``, ``bounds[k + 1]``) and the number ``locks[k]``; ``never[k]`` is the
    last moment of its stretch, later than all that is known there: the ``ret`` of its C and D. ``rows``: the row of
    each place in the operations it was made from; None where they are the same.
    """

    letter: NDArray[np.uint8]
    client: NDArray[np.int32]
    inv: NDArray[np.int64]
    ret: NDArray[np.int64]
    bounds: Rows
    locks: NDArray[np.int32]
    never: NDArray[np.int64]
    rows: Rows | None

    def __len__(self) -> int:
        return len(self.inv)

    def lock_of(self, places: Rows) -> Rows:
        """Which lock (the k of the k-th) the operations at these places belong to."""
        return np.searchsorted(self.bounds, places, side="right") - 1

    def without(self, letter: int) -> Line:
        """The same locks and times, without the operations of one letter."""
        kept = np.flatnonzero(self.letter != letter)
        if len(kept) == len(self):
            return self
        return replace(
            self, letter=self.letter[kept], client=self.client[kept], inv=self.inv[kept], ret=self.ret[kept],
            bounds=np.searchsorted(kept, self.bounds), rows=self.original(kept),
        )  # fmt: skip

    def original(self, places: Rows) -> Rows:
        """The rows of the operations it was made from."""
        return places if self.rows is None else self.rows[places]


def on_one_line(operations: Operations) -> Line:
    """Operations in order of ``inv``, or lock by lock in that order. Those of one lock are not copied."""
    found = operations
    count, lock = len(found), found.lock
    if count == 0 or (lock[0] == lock).all():
        bounds = np.array([0, count] if count else [0], np.intp)
        never = np.full(len(bounds) - 1, NEVER, np.int64)
        return Line(found.letter, found.client, found.inv, found.ret, bounds, lock[:1], never, None)
    rows = None if (lock[1:] >= lock[:-1]).all() else stable_order(lock)
    letter, client, inv, ret = found.letter, found.client, found.inv, found.ret
    if rows is not None:
        letter, client, lock, inv, ret = (taken(column, rows) for column in (letter, client, lock, inv, ret))
    begin = firsts(lock)
    bounds = np.append(begin, count)
    inv, ret, span = stretches(inv, ret, bounds)
    never = np.arange(1, len(bounds)) * span - 1
    return Line(letter, client, inv, ret, bounds, lock[begin], never, rows)
