"""How many permits are in use over time, all locks in one sweep: steps up and down at calls and at returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.linear.line import Line
from checker.order import Rows

Column = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Usage:
    """States in order of time: ``level`` permits are in use from ``time`` (on the line) on, after a step of the
    operation at ``place``. The k-th lock begins with the state ``begin[k]``, in which its level is 0 and ``place`` is
    that of no operation (−1). At equal times calls come before returns."""

    time: Column
    level: Column
    place: Rows
    begin: Rows

    def windows(self, inv: Column, ret: Column) -> tuple[Rows, Rows]:
        """First and last of the states that an operation in [inv, ret] may meet."""
        return np.searchsorted(self.time, inv, side="left") - 1, np.searchsorted(self.time, ret, side="right") - 1

    def meet(self, met: NDArray[np.bool_], first: Rows, last: Rows) -> NDArray[np.bool_]:
        """Whether among the states ``first`` … ``last`` is one for which ``met`` is true."""
        count = np.concatenate(([0], np.cumsum(met)))
        return np.asarray(count[last + 1] > count[first])

    def lock_of(self, state: Rows) -> Rows:
        """Which lock (the k of the k-th) these states are of."""
        return np.searchsorted(self.begin, state, side="right") - 1


def usage(line: Line, called: Rows, step: NDArray[Any], returned: Rows, back: NDArray[Any]) -> Usage:
    """``called``: places of the operations that change the level by ``step`` at their call; ``returned``: of those that
    change it by ``back`` at their return. Both in ascending order."""
    return swept(line, (line.inv[called], called, step), (line.ret[returned], returned, back))


def swept(line: Line, *changes: tuple[Column, Rows, NDArray[Any] | int]) -> Usage:
    """``changes``: times, places and steps; those of the first go first at equal times."""
    begins = line.inv[line.bounds[:-1]] - 1
    locks = len(begins)
    time = np.concatenate((begins, *(change[0] for change in changes)))
    # Nearly sorted, and at equal times in the order wanted: the stable sort merges long runs.
    order = np.argsort(time, kind="stable")
    steps = [np.broadcast_to(np.asarray(step), where.shape) for where, _, step in changes]
    step = np.concatenate((np.zeros(locks, np.int64), *steps))[order]
    place = np.concatenate((np.full(locks, -1), *(change[1] for change in changes)))[order]
    total = np.cumsum(step)
    if locks == 1:
        return Usage(time[order], total, place, np.zeros(1, np.intp))
    begin = np.flatnonzero(order < locks)
    level = total - np.repeat(total[begin], np.diff(np.append(begin, len(total))))
    return Usage(time[order], level, place, begin)
