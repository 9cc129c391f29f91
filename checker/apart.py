"""Times of many locks on one line, one lock after the other, so that one sweep over them judges all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checker.order import Rows
from histories.columns import NEVER


def stretches(
    inv: NDArray[np.int64], ret: NDArray[np.int64], bounds: Rows
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Times lock by lock (the k-th lock's are [``bounds[k]``, ``bounds[k + 1]``)), each lock's moved into a stretch of
    its own, and how long a stretch is. NEVER becomes its last moment."""
    first, last = int(inv.min()), max(int(inv.max()), int(ret[ret < NEVER].max(initial=-NEVER)))
    locks = len(bounds) - 1
    if (last - first + 2) * locks >= NEVER:
        # Only the order of times matters: number them.
        moments, ranks = np.unique(np.concatenate((inv, ret)), return_inverse=True)
        known = np.searchsorted(moments, NEVER)
        inv, ret = ranks[: len(inv)], np.where(ret < NEVER, ranks[len(inv) :], NEVER)
        first, last = 0, int(known) - 1
    span = last - first + 2
    base = np.repeat(np.arange(locks) * span - first, np.diff(bounds))
    ret = np.minimum(ret, last + 1)
    ret += base
    base += inv
    return base, ret, span
