"""The stretches of a semaphore's history in which the least level does not settle everything.

Where so many permits are certainly in use that no further operation fits, everything is known: grants called before and
not returned have not happened, releases called before have. There the history falls into stretches, to be searched
one by one (CHECKERS §7).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker.linear.frontier import Counted
from checker.linear.line import Line
from checker.linear.operations import A, C, D, F, R
from checker.linear.usage import Column, Usage
from checker.order import Rows, firsts

NOWHERE = np.empty(0, np.intp)
NOT_YET = 1 << 62
"""The position of the return of an operation that never came back."""
SPECIAL = 1 << 40
"""What kinds of operations begin with of which each is a kind of its own."""


@dataclass(frozen=True, slots=True)
class Open:
    """``moving``: which operations on the line may take or give back permits; a C or D at any time from its call on.
    ``demands``: places of the refusals that are not settled. ``told``: places of C and D, and of the N that bounds
    each: a C happened after that was called, a D before it returned. ``pairs``: places of C, and of the R or D that can
    only give back what it gave."""

    line: Line
    weight: Column
    permits: int
    moving: NDArray[np.bool_]
    demands: Rows
    told: tuple[Rows, Rows] = (NOWHERE, NOWHERE)
    pairs: tuple[Rows, Rows] = (NOWHERE, NOWHERE)

    def only(self, locks: Rows) -> Open:
        """The same where nothing but some locks' operations move."""
        if len(locks) == len(self.line.locks):
            return self
        chosen = np.zeros(len(self.line.locks), bool)
        chosen[locks] = True
        one, two = self.pairs
        kept = chosen[self.line.lock_of(one)]
        moving = self.moving & np.repeat(chosen, np.diff(self.line.bounds))
        return replace(self, moving=moving, pairs=(one[kept], two[kept]))


class Stretch(NamedTuple):
    """The events ``first`` … ``last``, with ``level`` permits in use before."""

    first: int
    last: int
    level: int


class Events:
    """Calls and returns of operations (numbered) in order. ``place``: of each operation. ``order``: per event the
    number of an operation, ~number at its return; ``time``: of each event. ``called``, ``due``: of each operation the
    events of its call and of its return."""

    def __init__(self, open_: Open) -> None:
        chosen = open_.moving.copy()
        chosen[open_.demands] = True
        place = np.flatnonzero(chosen)
        self.open, self.place = open_, place
        inv, ret, never = self._times()
        back = np.flatnonzero(~never)
        time = np.concatenate((inv, ret[back]))
        sort = np.argsort(time, kind="stable")
        self.time = time[sort]
        event = np.empty(len(sort), np.intp)
        event[sort] = np.arange(len(sort))
        self.order = np.concatenate((np.arange(len(place)), ~back))[sort]
        self.called = event[: len(place)]
        self.due = np.full(len(place), NOT_YET)
        self.due[back] = event[len(place) :]

    def _times(self) -> tuple[Column, Column, NDArray[np.bool_]]:
        line, place = self.open.line, self.place
        inv, ret, never = line.inv[place], line.ret[place], line.letter[place] >= C
        lost, told = self.open.told
        at = np.searchsorted(place, lost)
        here = np.isin(lost, place)
        for number, by in zip(at[here].tolist(), told[here].tolist(), strict=True):
            if line.letter[place[number]] == D:
                ret[number], never[number] = line.ret[by], False
            else:
                inv[number] = line.inv[by]
        return inv, ret, never

    def stretches(self, least: Usage, asked: Rows) -> Iterator[tuple[int, int, list[Stretch]]]:
        """Per lock (the k of the k-th), its first event, and those stretches that have one of the events ``asked``."""
        lock = self.open.line.lock_of(self.place)
        begin = np.minimum.reduceat(self.called, firsts(lock))
        cut, level = self._cuts(least, lock)
        bounds = np.concatenate((cut, begin - 1, [len(self.order) - 1]))
        sort = np.argsort(bounds, kind="stable")
        bounds, levels = bounds[sort], np.concatenate((level, np.zeros(len(begin) + 1, np.int64)))[sort]
        which = np.unique(np.searchsorted(bounds, asked)) - 1
        of = np.searchsorted(begin, bounds[which] + 1, side="right") - 1
        numbers, start = lock[firsts(lock)], firsts(of)
        for one, own in zip(of[start].tolist(), np.split(which, start[1:]), strict=False):
            rows = zip((bounds[own] + 1).tolist(), bounds[own + 1].tolist(), levels[own].tolist(), strict=True)
            yield int(numbers[one]), int(begin[one]), [Stretch(*row) for row in rows]

    def of(self, places: Rows) -> Rows:
        """The calls of operations."""
        return self.called[np.searchsorted(self.place, places)]

    def at(self, times: Column) -> Rows:
        """The first and the last event at each of these times."""
        first = np.searchsorted(self.time, times, side="left")
        last = np.searchsorted(self.time, times, side="right") - 1
        return np.concatenate((first, last))

    def _cuts(self, least: Usage, lock: Rows) -> tuple[Rows, Column]:
        """Events after which everything is known, and the levels there; none while a demand, or the release of a pair,
        is open."""
        line, weight = self.open.line, self.open.weight[self.place]
        begin = firsts(lock)
        smallest = np.full(len(line.locks), self.open.permits, np.int64)
        moving = np.where(self.open.moving[self.place], weight, self.open.permits)
        smallest[lock[begin]] = np.minimum.reduceat(moving, begin)
        bounds = np.append(least.begin, len(least.level))
        full = np.flatnonzero(least.level > self.open.permits - np.repeat(smallest, np.diff(bounds)))
        full = full[np.isin(least.lock_of(full), lock[begin])]
        event = self.due[np.searchsorted(self.place, least.place[full])]
        back = self.open.pairs[1]
        pending = np.concatenate((self.open.demands, back[line.letter[back] == R]))
        pending = np.searchsorted(self.place, pending)
        change = np.zeros(len(self.order) + 1, np.int64)
        np.add.at(change, self.called[pending], 1)
        np.add.at(change, self.due[pending], -1)
        free = np.cumsum(change)[event] == 0
        return event[free], least.level[full[free]]

    def counted(self) -> Counted:
        """The operations as the search sees them."""
        line, place, permits = self.open.line, self.place, self.open.permits
        letter, weight = line.letter[place], self.open.weight[place]
        moving = self.open.moving[place]
        takes = (letter == A) | (letter == C)
        step = np.where(moving, np.where(takes, weight, -weight), 0)
        low = np.where(letter == F, permits - weight + 1, 0)
        high = np.where(letter == F, permits, weight - 1)
        kind, needs = step.copy(), np.full(len(place), -1)
        one, two = (np.searchsorted(place, column) for column in self.open.pairs)
        kind[one], kind[two], needs[two] = SPECIAL + one, SPECIAL + two, one
        columns = (step, low, high, self.due, kind, needs)
        return Counted(permits, *(column.tolist() for column in columns))
