"""Deadlocks that a waiting limit ended: two clients, each inside one lock and waiting for the other's."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from checker.holds import Holds
from histories.columns import ENDING, Calls


def deadlocks(calls: Calls, holds: Holds) -> Counter[int]:
    """By number of the lock: attempts that were refused while their client was inside another lock, for which whoever
    was inside this one was waiting. ``calls``, ``holds``: of all locks."""
    found: Counter[int] = Counter()
    asked = calls.acquires
    for row in np.flatnonzero(asked & (calls.outcome == ENDING["fail"]) & np.isin(calls.client, holds.client)):
        start, end = int(calls.inv[row]), int(calls.ret[row])
        through = (holds.entered <= start) & (holds.left >= end)
        mine = np.unique(holds.lock[through & (holds.client == calls.client[row]) & (holds.lock != calls.lock[row])])
        if len(mine):
            waiting = asked & (calls.inv < end) & (calls.ret > start) & np.isin(calls.lock, mine)
            found[int(calls.lock[row])] += _held_by(calls, holds, int(calls.lock[row]), np.flatnonzero(waiting))
    return +found


def _held_by(calls: Calls, holds: Holds, lock: int, waiting: NDArray[np.intp]) -> bool:
    """Whether one of these attempts was made from inside ``lock``."""
    return any(
        bool(np.any((holds.lock == lock) & (holds.client == calls.client[row]) & (holds.entered <= calls.inv[row])
                    & (holds.left > calls.inv[row])))
        for row in waiting
    )  # fmt: skip
