"""The certain holds of a mutex in the order their cores force, and the zones between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from checker.linear.clients import Told
from checker.linear.line import BEFORE_ALL, Line
from checker.order import Rows, taken


@dataclass(eq=False)
class Holds:
    """Granted in [``granted``, ``start``], certainly held from ``start`` to ``end``, released in [``end``,
    ``released``]; ``acquire``, ``closing``: places of the operations, −1 for none. In order, lock by lock.

    Before the first, and after the last of each lock, stands a boundary with no operations: it begins and ends at the
    moment that is "never" there. So the z-th *zone*, between the ends of cores z and z + 1, belongs to one lock.
    """

    line: Line
    told: Told
    acquire: Rows
    closing: Rows

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """From when it was certainly held."""
        return self._times(self.line.ret, self.acquire)

    @cached_property
    def end(self) -> NDArray[np.int64]:
        """Until when it was certainly held."""
        return self._times(self.line.inv, self.closing)

    @cached_property
    def granted(self) -> NDArray[np.int64]:
        """The earliest moment of the grant. At a boundary, that from which on a lost acquire may hold to the end."""
        granted = self._times(self.line.inv, self.acquire)
        after = self.told.tails.lost_after
        np.minimum.at(granted, self.boundary[self.line.lock_of(after)], self.line.inv[after])
        return granted

    @cached_property
    def released(self) -> NDArray[np.int64]:
        """The latest moment of the release; "never" where that is not known."""
        line, tails = self.line, self.told.tails
        if len(tails.freed) == 0:
            return self._times(line.ret, self.closing)
        ret = line.ret.copy()
        ret[tails.freed] = line.ret[tails.freed_by]
        return self._times(ret, self.closing)

    def told_free(self, closing: Rows) -> Rows:
        """Where releases end holds, the operations that tell so: their repetitions, told "not held", where their own
        effect is unknown."""
        freed, by = self.told.tails.freed, self.told.tails.freed_by
        if len(freed) == 0:
            return closing
        order = np.argsort(freed)
        at = order[np.minimum(np.searchsorted(freed[order], closing), len(freed) - 1)]
        return np.where(freed[at] == closing, by[at], closing)

    @cached_property
    def boundary(self) -> Rows:
        """Where the boundary after each lock stands."""
        return np.flatnonzero(self.acquire < 0)[1:]

    def _times(self, of: NDArray[np.int64], places: Rows) -> NDArray[np.int64]:
        """The times of operations; "never" where there is none."""
        times = taken(of, places) if len(of) else np.empty(len(places), np.int64)
        none = np.flatnonzero(places < 0)
        known = none[none > 0]
        times[known] = self.line.never[np.searchsorted(self.boundary, known)]
        times[0] = BEFORE_ALL
        return times

    def reach(self, begin: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[Rows, Rows]:
        """The first and the last zone that [begin, end] has an instant in common with, touching included. Where it lies
        strictly inside a core, that is the number of the first, and the last comes before it."""
        first = np.searchsorted(self.start[1:], begin, side="left")
        last = np.searchsorted(self.end, end, side="right") - 1
        return first, last

    def zone_of(self, places: Rows) -> Rows:
        """The zone after the last core whose end was called before the operations at these places."""
        line = self.line
        marks = np.zeros(len(line) + 1, np.int32)
        marks[self.told.closing] = 1
        np.add.at(marks, line.bounds[line.lock_of(self.told.kept) + 1], 1)
        np.add.at(marks, line.bounds[1:], 1)
        return taken(np.cumsum(marks, out=marks), places).astype(np.intp)


def order_holds(line: Line, told: Told) -> Holds:
    """The holds in order of the ends of their cores; where some meet or have no length, in order of their starts (of
    equal ones those with the sooner end first)."""
    locks = len(line.locks)
    acquire = np.concatenate((told.acquire, told.kept, np.full(locks, -1)))
    closing = np.concatenate((told.closing, np.full(len(told.kept) + locks, -1)))
    if locks > 1:
        upto = line.bounds[1:]
        order = np.argsort(np.concatenate((told.closing, upto[line.lock_of(told.kept)], upto)), kind="stable")
        acquire, closing = acquire[order], closing[order]
    holds = Holds(line, told, np.insert(acquire, 0, -1), np.insert(closing, 0, -1))
    if (holds.start[1:] >= holds.end[:-1]).all():
        return holds
    order = np.argsort(holds.start, kind="stable")
    return Holds(line, told, holds.acquire[order], holds.closing[order])
