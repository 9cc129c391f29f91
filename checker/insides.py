"""The scan over insides: which clients were inside at the same time though the lock should not allow it. Exact, for
every lock, O(n log n), for all locks at once.

For a mutex any two clients; for a semaphore one permit too many; for a read-write lock a writer and anybody. Every
meeting is counted; for each hold that entered beside others, the one with which it shared the longest time is kept,
because a witness is one pair and comparing only neighbours would miss the later meetings of a long hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.apart import stretches
from checker.holds import Holds
from checker.order import latest, runs
from histories.columns import Calls
from histories.spec import Spec
from histories.vocabulary import MODES

Ints = NDArray[np.int64]
SHARED = MODES.index("shared")
NONE_MET: tuple[Ints, Ints, Ints] = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Meetings:
    """``second``: holds (numbers among all locks') that entered beside others, in order; ``first``: of those the one
    that stayed longest. ``pairs``: per hold in ``second``, with how many it met (for a semaphore: once)."""

    first: Ints
    second: Ints
    pairs: Ints

    def between(self, begin: int, end: int) -> Meetings:
        """The meetings of one lock, whose holds are ``[begin, end)``; holds are counted from there."""
        a, b = np.searchsorted(self.second, (begin, end)).tolist()
        return Meetings(self.first[a:b] - begin, self.second[a:b] - begin, self.pairs[a:b])


def meetings(holds: Holds, process: NDArray[np.int32], spec: Spec, calls: Calls) -> Meetings:
    """Which insides met, of all locks.

    ``holds`` in order of (lock, entered); ``process``: per client; holds of one process never count as two clients of a
    mutex. Touching insides (one leaves at the instant the other enters) do not meet.
    """
    some = np.flatnonzero(holds.left > holds.entered)
    begin, end = holds.entered[some], holds.left[some]
    bounds = runs(holds.lock[some])
    if len(bounds) > 2:
        begin, end, _ = stretches(begin, end, bounds)
    highest = np.maximum.accumulate(end)
    if not (highest[:-1] > begin[1:]).any():
        return Meetings(*NONE_MET)
    if spec.permits > 1:
        found = _too_many(begin, end, calls.permits[holds.acquire[some]], spec.permits)
    elif spec.read_write:
        found = _with_writers(begin, end, calls.mode[holds.acquire[some]] != SHARED)
    else:
        found = met_of_others(begin, end, process[holds.client[some]])
    first, second, pairs = found
    return Meetings(some[first], some[second], pairs)


def _others(begin: Ints, end: Ints) -> Ints:
    """How many were inside when each one entered: those that entered before and had not left."""
    return np.arange(len(begin)) - np.searchsorted(np.sort(end), begin, side="right")


def _longest(begin: Ints, end: Ints) -> Ints:
    """Of those that entered before, the one that leaves last (itself, where it is the first)."""
    highest = np.maximum.accumulate(end)
    best = latest(np.concatenate(([True], end[1:] > highest[:-1])))
    return np.concatenate(([0], best[:-1]))


def met_of_others(begin: Ints, end: Ints, process: NDArray[np.int32]) -> tuple[Ints, Ints, Ints]:
    """(first, second, pairs) as in Meetings: any two stretches [begin, end) of different processes, in order of
    ``begin``."""
    if len(begin) == 0 or not (np.maximum.accumulate(end)[:-1] > begin[1:]).any():
        return NONE_MET
    pairs = _others(begin, end) - _of_same(begin, end, process)
    second = np.flatnonzero(pairs)
    first = _longest(begin, end)[second]
    mistaken = np.flatnonzero(process[first] == process[second])
    if len(mistaken):
        first[mistaken] = _longest_of_others(begin, end, process, second[mistaken])
    return first, second, pairs[second]


def _of_same(begin: Ints, end: Ints, process: NDArray[np.int32]) -> Ints:
    """How many of the same process were inside when each one entered."""
    order = np.argsort(process, kind="stable")
    ranked = process[order]
    starts = np.searchsorted(ranked, ranked)
    base = ranked.astype(np.int64)
    # Times per process in stretches of their own, by rank, so that large times do not overflow.
    times = np.unique(np.concatenate((begin, end)), return_inverse=True)[1]
    width = int(times.max(initial=0)) + 2
    entered, left = times[: len(begin)][order] + base * width, times[len(begin) :][order] + base * width
    gone = np.searchsorted(np.sort(left), entered, side="right") - starts
    same = np.empty(len(begin), np.int64)
    same[order] = np.arange(len(begin)) - starts - gone
    return same


def _longest_of_others(begin: Ints, end: Ints, process: NDArray[np.int32], asked: Ints) -> Ints:
    """For the few holds that entered while an earlier one of their own process was the last to leave."""
    found = []
    for number in asked.tolist():
        inside = np.flatnonzero((end[:number] > begin[number]) & (process[:number] != process[number]))
        found.append(inside[np.argmax(end[inside])])
    return np.array(found, np.int64)


def _with_writers(begin: Ints, end: Ints, writes: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """A writer and anybody."""
    readers = np.flatnonzero(~writes)
    pairs = _others(begin, end)
    pairs[readers] -= _others(begin[readers], end[readers])
    second = np.flatnonzero(pairs)
    # A reader meets the writer that leaves last; a writer anybody.
    of_writers = np.where(writes, end, begin)
    first = np.where(writes, _longest(begin, end), _longest(begin, of_writers))[second]
    return first, second, pairs[second]


def _too_many(begin: Ints, end: Ints, permits: Any, limit: int) -> tuple[Ints, Ints, Ints]:
    """One permit too many."""
    taken = np.cumsum(permits, dtype=np.int64)
    order = np.argsort(end, kind="stable")
    back = np.concatenate(([0], np.cumsum(permits[order], dtype=np.int64)))
    taken -= back[np.searchsorted(end[order], begin, side="right")]
    second = np.flatnonzero(taken > limit)
    return _longest(begin, end)[second], second, np.ones(len(second), np.int64)
