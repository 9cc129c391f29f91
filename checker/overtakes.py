"""Counting overtakes: for every attempt, how many others began after it and were granted before it.

Of two attempts that were under way together nobody can say which one reached the lock first. Who called first and was
granted last has been *overtaken*, in the order of calls; whether that was unfair, :mod:`checker.properties.fairness`
says. Counts are exact, O(n log n); where attempts fall into few lanes, O(n · lanes) with a factor so small that it is
several times faster.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.apart import stretches
from checker.holds import Holds
from checker.order import by_time, runs, stable_order
from histories.columns import Calls

Ints = NDArray[np.int64]
MOST_LANES = 256


def overtaken(holds: Holds, calls: Calls, process: NDArray[np.int32]) -> Ints:
    """Per hold (in order of (lock, entered)), how many of its lock were called for later and granted earlier.

    ``process``: per client. Attempts nest strictly: equal times are no overtake.
    """
    if len(holds) == 0:
        return np.zeros(0, np.int64)
    inv = calls.inv[holds.acquire]
    ret = holds.entered
    bounds = runs(holds.lock)
    if len(bounds) > 2:
        inv, ret, _ = stretches(inv, ret, bounds)
    if (inv[1:] >= inv[:-1]).all():
        return np.zeros(len(inv), np.int64)
    lane = _lanes(holds.lock, process[holds.client])
    counted = in_lanes(inv, ret, lane) if lane.max() < MOST_LANES else None
    return nested(inv, ret, inv + 1, ret) if counted is None else counted


def _lanes(lock: NDArray[np.int32], process: NDArray[np.int32]) -> NDArray[np.int64]:
    """Per hold, which of its lock's processes it is of, counted from 0 in each lock."""
    pairs = lock.astype(np.int64) << 32 | process
    known, pair = np.unique(pairs, return_inverse=True)
    of_lock = known >> 32
    number: Ints = pair - np.searchsorted(of_lock, of_lock)[pair]
    return number


def in_lanes(inv: Ints, ret: Ints, lane: NDArray[np.int64]) -> Ints | None:
    """Per stretch, how many stretches began later and ended earlier. None where stretches of one lane overlap, or they
    are not in order of (``ret``, ``inv``).

    Ranks in both orders are enough: who returns ``k`` places later than it called was overtaken by ``k`` more than it
    overtook itself. And it overtook those that had called before and return later: in every lane that can only be the
    next one to return.
    """
    order = stable_order(lane)
    of_lane = lane[order]
    same = of_lane[1:] == of_lane[:-1]
    unordered = (ret[1:] < ret[:-1]) | (ret[1:] == ret[:-1]) & (inv[1:] < inv[:-1])
    if unordered.any() or (same & (inv[order][1:] < ret[order][:-1])).any():
        return None
    rank = np.empty(len(inv), np.int32)
    rank[by_time(inv)] = np.arange(len(inv), dtype=np.int32)
    cuts = np.concatenate(([0], np.flatnonzero(~same) + 1, [len(inv)]))
    overtook = np.zeros(len(inv), np.int16)
    for begin, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        places = order[begin:end]
        following = np.repeat(rank[places], np.diff(places, prepend=-1))
        overtook[: len(following)] += following < rank[: len(following)]
    return np.arange(len(inv)) - rank + overtook


def nested(inv: Ints, ret: Ints, since: Ints, until: Ints) -> Ints:
    """Per question ``i``, how many stretches lie in it: ``inv >= since[i]`` and ``ret < until[i]``, where
    ``inv <= ret`` and ``since <= until``."""
    order = np.argsort(inv, kind="stable")
    returned = np.argsort(ret[order], kind="stable")
    places = np.empty(len(inv), np.int32)
    places[returned] = np.arange(len(inv), dtype=np.int32)
    begun = np.searchsorted(inv[order], since)
    ended = np.searchsorted(ret[order][returned], until)
    return ended - _below(places, begun, ended)


def _below(values: NDArray[np.int32], begin: NDArray[np.int64], limit: NDArray[np.int64]) -> Ints:
    """Per question, how many of the first ``begin`` values lie below ``limit``; a wavelet matrix, bit by bit.

    Source: F. Claude, G. Navarro, A. Ordóñez, The wavelet matrix: an efficient wavelet tree for large alphabets, 2015.
    """
    low, high = np.zeros(len(begin), np.int64), begin.astype(np.int64)
    found = np.zeros(len(begin), np.int64)
    zeros = np.zeros(len(values) + 1, np.int64)
    for bit in range(len(values).bit_length() - 1, -1, -1):
        zero: Any = (values >> bit) & 1 == 0
        np.cumsum(zero, out=zeros[1:])
        zeros_low, zeros_high = zeros[low], zeros[high]
        up = (limit >> bit) & 1 == 1
        found += np.where(up, zeros_high - zeros_low, 0)
        low = np.where(up, zeros[-1] + low - zeros_low, zeros_low)
        high = np.where(up, zeros[-1] + high - zeros_high, zeros_high)
        values = np.concatenate((values[zero], values[~zero]))
    return found
