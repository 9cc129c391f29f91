"""Fencing tokens in use, and the two ways an order of them is wrong (CHECKERS §5).

A token of one attempt is put to use at some moment in [``inv``, ``ret``] (ns). Order alone is judged, by real time: it
survives leases that lapse, and acquires of unknown effect burn tokens without harm, so growing is demanded and
consecutive is not. One token belongs to one attempt, which may use it again (when it re-enters).

Tokens of many locks are judged in one go: columns of equal length, in any order. Answers give, by number of the lock,
two rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checker.apart import stretches
from checker.order import Rows, firsts, stable_order

Ints = NDArray[np.int64]
Pairs = dict[int, tuple[int, int]]


def reused(fence: Ints, attempt: Ints, lock: NDArray[np.int32] | None = None) -> Pairs:
    """Per lock, the first row whose token another attempt used in an earlier row: (the first row with it, that row).

    ``attempt``: a number for each.
    """
    order, numbers = _by_token(fence, lock)
    begin = firsts(fence[order], numbers)
    if len(begin) == len(order):
        return {}
    first = np.repeat(order[begin], _lengths(begin, len(order)))
    again = np.flatnonzero(attempt[order] != attempt[first])
    return _first_pairs(numbers[again], order[again], first[again], order[again])


def backwards(fence: Ints, inv: Ints, ret: Ints, lock: NDArray[np.int32] | None = None) -> Pairs:
    """Per lock, the token put to use first of those that came after a greater one was over: (the greater one, of
    several the one over first; that token)."""
    order, numbers = _by_token(fence, lock)
    if len(order) == 0:
        return {}
    bounds = np.append(firsts(numbers), len(order))
    called, over, _ = stretches(inv[order], ret[order], bounds)
    # From the greatest token down, the soonest end so far. Those of the locks that follow are all later.
    soonest = np.minimum.accumulate(over[::-1])[::-1]
    begin = firsts(fence[order], numbers)
    greater = np.repeat(np.append(begin[1:], len(order)), _lengths(begin, len(order)))
    stale = np.flatnonzero(greater < len(order))
    stale = stale[soonest[greater[stale]] < called[stale]]
    # Where that soonest end stands: ends that are soonest so far, found by their time.
    record = np.flatnonzero(over == soonest)
    ended = record[np.searchsorted(record, greater[stale])]
    return _first_pairs(numbers[stale], called[stale], order[ended], order[stale])


def out_of_order(fence: Ints, attempt: Ints, inv: Ints, ret: Ints) -> tuple[int, int] | None:
    """One lock's: two attempts with one token, or else a greater one and a smaller one that came after it was over."""
    return reused(fence, attempt).get(0) or backwards(fence, inv, ret).get(0)


def _lengths(begin: Rows, count: int) -> Rows:
    return np.diff(np.append(begin, count))


def _by_token(fence: Ints, lock: NDArray[np.int32] | None) -> tuple[Rows, NDArray[np.int32]]:
    """Rows in order of (lock, token), and the lock of each."""
    order = np.argsort(fence, kind="stable")
    if lock is None:
        return order, np.zeros(len(order), np.int32)
    order = order[stable_order(lock[order])]
    return order, lock[order]


def _first_pairs(lock: NDArray[np.int32], when: Ints, first: Rows, second: Rows) -> Pairs:
    """Per lock the pair with the smallest ``when``, of equal ones with the first second row."""
    order = np.lexsort((second, when, lock))
    best = order[firsts(lock[order])]
    pairs = zip(first[best].tolist(), second[best].tolist(), strict=True)
    return dict(zip(lock[best].tolist(), pairs, strict=True))
