"""Clients that did something after a result of unknown effect: the least they hold, and what stays a choice.

A release of unknown effect (D) takes effect as soon as something is held that no later release needs, an acquire of
unknown effect (C) right before a release that needs it. Where a D can only have undone an acquire that came after it,
or a release only what a C gave, that hold need last no longer than an instant of the later call: a *flash*.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker.linear.operations import A, C, D, N, R
from checker.order import Rows

Column = NDArray[np.int64]


class Marks(NamedTuple):
    """Holders. ``uneven``: what they hold least is not known. ``tied``: when their C or D took effect depends on their
    other operations; ``paired``: so it does only as far as one of these needs a C (see :class:`GoneOn`). ``nesting``:
    that is so for depths."""

    uneven: Rows
    tied: Rows
    paired: Rows
    nesting: Rows

    def of(self, holders: Rows) -> Marks:
        """The same by the numbers that ``holders`` have elsewhere."""
        return Marks(*(holders[marked] for marked in self))


class GoneOn(NamedTuple):
    """``after``: the least held after each operation. ``wrong``: releases of what cannot have been held; ``flash``: A
    and R that need an instant only; ``idle``: C that no release needs, where nothing but releases came after; and of
    holders who are ``paired``, ``pairs``: C, and the R or D that can only give back what it gave."""

    after: Column
    wrong: Rows
    flash: Rows
    idle: Rows
    pairs: tuple[Rows, Rows]
    marks: Marks


def gone_on(letter: NDArray[np.uint8], amount: Column, certain: Column, begin: Rows) -> GoneOn:
    """Operations holder by holder, all of them with a C or D; ``certain``: what A and R alone leave each with."""
    starts, sizes = begin[:-1], np.diff(begin)
    possible = certain + running(np.where(letter == C, amount, 0), begin)
    back = running(np.where(letter == D, amount, 0), begin)
    wrong = any_of(possible < 0, begin)
    # What may be taken back is what no later release needs.
    spare = np.maximum(_least_to_come(possible, begin), 0)
    both = any_of(letter == C, begin) & any_of(letter == D, begin)
    mixed = np.maximum.reduceat(amount, starts) != np.minimum.reduceat(amount, starts) if len(starts) else wrong
    done, uneven = np.minimum(back, spare), np.zeros(len(starts), bool)
    for group in np.flatnonzero((mixed | both) & any_of(letter == D, begin)).tolist():
        own = slice(int(begin[group]), int(begin[group + 1]))
        if mixed[group]:
            done[own], uneven[group] = _whole(letter[own], amount[own], spare[own])
        else:
            done[own], uneven[group] = _in_turn(letter[own], amount[own], possible[own], spare[own])
    used = _most_so_far(np.maximum(done - certain, 0), begin)
    uneven |= mixed & any_of(used > 0, begin)
    after = certain - done + used
    undone = (letter == A) & (done > shifted(done, begin))
    needs = (letter == R) & (used > shifted(used, begin))
    last = begin[1:] - 1
    free = used[last] == 0
    whole = free & (done[last] == back[last])
    pairs, paired = _pairs(letter, needs, after, done[last] == 0, begin)
    paired &= ~mixed
    tied = uneven | any_of(undone, begin) | (mixed & any_of(letter == N, begin)) | ((~free | (both & ~whole)) & ~paired)
    nesting = _nesting(letter, begin, both & ~(paired & free))
    marks = Marks(*(np.flatnonzero(marked) for marked in (uneven, tied, paired, nesting)))
    flash = (undone | needs) & ~np.repeat(wrong | uneven, sizes)
    idle = (letter == C) & np.repeat(free & ~nesting, sizes)
    kept = paired[np.searchsorted(begin, pairs[0], side="right") - 1]
    over = (letter == R) & (possible < 0)
    return GoneOn(after, np.flatnonzero(over), np.flatnonzero(flash), np.flatnonzero(idle),
                  (pairs[0][kept], pairs[1][kept]), marks)  # fmt: skip


def _pairs(
    letter: NDArray[np.uint8], needs: NDArray[np.bool_], after: Column, held: NDArray[np.bool_], begin: Rows
) -> tuple[tuple[Rows, Rows], NDArray[np.bool_]]:
    """A holder's only C with the one R that needs it, where no D took effect (``held``), or with the D that comes next
    and last while nothing is held. Second, which holders have such a pair."""
    starts, last = begin[:-1], begin[1:] - 1
    lost = running((letter >= C).astype(np.int64), begin)
    acquires, calls = running((letter == C).astype(np.int64), begin), running(needs.astype(np.int64), begin)
    before = np.maximum(last - 1, starts)
    spare = (letter[last] == D) & (letter[before] == C) & (lost[last] == 2) & (after[before] == 0)
    given = (acquires[last] == 1) & (calls[last] == 1) & held
    paired = spare | given
    holder = np.flatnonzero(paired)
    back = np.where(spare, last, 0)
    at = np.flatnonzero(needs)
    back[np.searchsorted(begin, at, side="right") - 1] = at
    first = np.flatnonzero(letter == C)
    first = first[np.searchsorted(first, starts[holder])] if len(holder) else first[:0]
    return (first, back[holder]), paired


def _nesting(letter: NDArray[np.uint8], begin: Rows, both: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Holders that did more after a C or D than to release, and those with ``both``."""
    lost = running((letter >= C).astype(np.int64), begin)
    more = (shifted(lost, begin) > 0) & (letter != R) & (letter != N) & (letter != D)
    return any_of(more, begin) | both


def _whole(letter: NDArray[np.uint8], amount: Column, spare: Column) -> tuple[Column, bool]:
    """How much D took back of a holder with differing weights: each all of its weight or nothing. Second, whether there
    is a choice which of them do, or when."""
    done, dones, left = 0, [], []
    for what, weight, later in zip(letter.tolist(), amount.tolist(), spare.tolist(), strict=True):
        if what == D and done + weight <= later:
            done += weight
        elif what == D:
            left.append(weight)
        dones.append(done)
    return np.array(dones, np.int64), any(weight <= spare[-1] for weight in left)


def _in_turn(letter: NDArray[np.uint8], amount: Column, possible: Column, spare: Column) -> tuple[Column, bool]:
    """How much D took back of a holder with both C and D. Second, whether there is a choice: a D that makes a release
    need a C is missing for a later grant."""
    held = lost = pending = done = 0
    dones, used, choice = [], False, False
    columns = (letter.tolist(), amount.tolist(), possible.tolist(), spare.tolist())
    for what, weight, now, later in zip(*columns, strict=True):
        held += weight if what == A else -weight if what == R else 0
        lost += weight if what == C else 0
        pending += weight if what == D else 0
        choice |= what == A and used and done > 0
        if held < 0:
            used, lost, held = True, lost + held, 0
        free = max(0, min(pending, held, held + lost + later - now))
        held, pending, done = held - free, pending - free, done + free
        dones.append(done)
    return np.array(dones, np.int64), choice


def shifted(values: Column, begin: Rows) -> Column:
    """The value before each operation of the same holder, 0 before its first."""
    before = np.empty_like(values)
    before[1:] = values[:-1]
    before[begin[:-1]] = 0
    return before


def running(steps: Column, begin: Rows) -> Column:
    """Running sums, holder by holder."""
    total = np.cumsum(steps)
    starts = begin[:-1]
    return total - np.repeat(total[starts] - steps[starts], np.diff(begin))


def any_of(true: NDArray[np.bool_], begin: Rows) -> NDArray[np.bool_]:
    """Per holder."""
    return np.asarray(np.logical_or.reduceat(true, begin[:-1])) if len(begin) > 1 else np.zeros(0, bool)


def _least_to_come(values: Column, begin: Rows) -> Column:
    """The least from here to the holder's end."""
    apart = _apart(values, begin)
    return np.asarray(np.minimum.accumulate((values + apart)[::-1])[::-1] - apart)


def _most_so_far(values: Column, begin: Rows) -> Column:
    """The most from the holder's beginning to here."""
    apart = _apart(values, begin)
    return np.asarray(np.maximum.accumulate(values + apart) - apart)


def _apart(values: Column, begin: Rows) -> Column:
    """What to add so that any later holder's values are above all earlier ones'."""
    reach = int(values.max(initial=0) - values.min(initial=0)) + 1
    return np.repeat(np.arange(len(begin) - 1) * reach, np.diff(begin))
