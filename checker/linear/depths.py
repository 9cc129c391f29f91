"""How much each client certainly holds, told by its own operations: permits of a semaphore, the depth of a re-entry.

A client's operations come one after another, so its A and R fix how much it holds. A release of unknown effect (D) is
taken to happen at its call, an acquire of unknown effect (C) not at all, wherever the client's later operations allow
that: at every moment it then holds the least it can (see :mod:`checker.linear.unknown`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.linear.line import Line
from checker.linear.operations import C, D, N, R
from checker.linear.unknown import Column, Marks, gone_on, running
from checker.order import Rows, firsts, stable_order

_SIGN = np.array([1, -1, 0, 0, 0, 0], np.int64)
NOTHING = np.empty(0, np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Depths:
    """Operations holder by holder (of each lock), each holder's in order; columns of length n.

    ``place``: on the line. ``begin``: where each holder begins, and n. ``certain``: what A and R alone leave it with.
    ``before``, ``after``: the least it holds before and after each. The rest are rows of these columns: ``wrong``, per
    holder that released more than it can have held, the first such release; ``flash``: A and R whose hold need last no
    longer than an instant, because a D called before can undo it, or a C called before gave it; ``lost``: C and D;
    ``idle``: C that no release needs, of holders who did nothing but release after it; ``pairs``: C, and the R or D
    that can only give back what it gave; ``marks``: per holder.
    """

    place: Rows
    letter: NDArray[np.uint8]
    weight: Column
    begin: Rows
    certain: Column
    before: Column
    after: Column
    wrong: Rows
    flash: Rows
    lost: Rows
    idle: Rows
    pairs: tuple[Rows, Rows]
    marks: Marks

    def holder(self, at: Rows) -> Rows:
        """Whose operations these are."""
        return np.searchsorted(self.begin, at, side="right") - 1

    def of(self, holders: Rows) -> Rows:
        """All operations of these holders."""
        return ranges(self.begin[holders], self.begin[holders + 1])

    def entered(self, at: Rows) -> Rows:
        """The places of the acquires that began the holds in which these operations lie."""
        if len(at) == 0:
            return at
        outer = np.flatnonzero((self.after > 0) & (self.before == 0))
        return self.place[outer[np.searchsorted(outer, at) - 1]]

    def effective(self) -> Rows:
        """D that take effect at their call."""
        at = self.lost[self.letter[self.lost] == D]
        return np.asarray(at[self.after[at] < self.before[at]])

    def told(self) -> tuple[Rows, Rows]:
        """C and D with the N of the same holder that bounds each: a C happened (if at all) after the last N was called
        (before the release that needs it, if it is of a pair), a D before the next N returned."""
        lost = self.lost
        refused = np.flatnonzero(self.letter == N) if len(lost) else NOTHING
        if len(refused) == 0:
            return NOTHING, NOTHING
        end = self.begin[self.holder(lost) + 1]
        end[np.searchsorted(lost, self.pairs[0])] = self.pairs[1]
        following = np.searchsorted(refused, lost)
        last = np.searchsorted(refused, end) - 1
        bounded = last >= following
        which = np.where(self.letter[lost] == C, last, following)[bounded]
        return lost[bounded], refused[which]

    def refused_release(self) -> Rows:
        """N of what the client certainly held."""
        at = np.flatnonzero(self.letter == N)
        at = at[self.before[at] >= self.weight[at]]
        return np.asarray(at[~np.isin(self.holder(at), self.marks.uneven)])


def depths(line: Line, holder: NDArray[Any], weight: Column | None = None) -> Depths:
    """``holder``: whose hold an operation is about, as a small whole number, on the whole line; a lock's holders are
    nobody else's. ``weight``: how much it takes or gives back, 1 by default. Refused tries (F) are left in."""
    place = stable_order(holder)
    begin = np.append(firsts(holder[place]), len(place))
    letter = line.letter[place]
    amount = np.ones(len(place), np.int64) if weight is None else weight[place]
    certain = running(_SIGN[letter] * amount, begin)
    after, wrong, flash, idle = certain, np.flatnonzero(certain < 0), NOTHING, NOTHING
    wrong = wrong[letter[wrong] == R]
    lost = np.flatnonzero(letter >= C)
    pairs, marks = (NOTHING, NOTHING), Marks(NOTHING, NOTHING, NOTHING, NOTHING)
    if len(lost):
        after = certain.copy()
        owner = np.searchsorted(begin, lost, side="right") - 1
        last = begin[owner + 1] - 1 == lost
        ended = lost[last & (letter[lost] == D)]
        after[ended] -= np.where(certain[ended] >= amount[ended], amount[ended], 0)
        idle = lost[last & (letter[lost] == C)]
        more = np.unique(owner[~last])
        idle = idle[~np.isin(owner[np.searchsorted(lost, idle)], more)]
        at = ranges(begin[more], begin[more + 1])
        sizes = np.diff(begin)[more]
        rest = gone_on(letter[at], amount[at], certain[at], np.append(0, np.cumsum(sizes)))
        after[at] = rest.after
        wrong = np.union1d(wrong[~np.isin(wrong, at)], at[rest.wrong])
        flash, idle, marks = at[rest.flash], np.union1d(idle, at[rest.idle]), rest.marks.of(more)
        pairs = (at[rest.pairs[0]], at[rest.pairs[1]])
    wrong = wrong[firsts(np.searchsorted(begin, wrong, side="right") - 1)]
    before = np.empty_like(after)
    before[1:] = after[:-1]
    before[begin[:-1]] = 0
    return Depths(place, letter, amount, begin, certain, before, after, wrong, flash, lost, idle, pairs, marks)


def holders(line: Line, extra: NDArray[Any] | None = None) -> NDArray[np.int64]:
    """A number for each lock and client (and ``extra``, 0 or 1), for :func:`depths`."""
    client = line.client.astype(np.int64)
    if len(line.locks) > 1:
        locks = np.repeat(np.arange(len(line.locks)), np.diff(line.bounds))
        client += locks * (int(client.max()) + 1)
    return client if extra is None else 2 * client + extra


def ranges(begin: Rows, end: Rows) -> Rows:
    """All rows of several ranges [begin, end), one range after the other."""
    sizes = end - begin
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.asarray(np.repeat(begin, sizes) + within)
