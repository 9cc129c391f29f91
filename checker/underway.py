"""Which of many stretches were under way at some time: found without looking at all of them.

Nearly all calls are short, so those that meet a time began shortly before it. The few long ones, and those that never
came back, are looked at each time.
"""

from __future__ import annotations

from math import isqrt

import numpy as np
from numpy.typing import NDArray

from histories.columns import NEVER

Ints = NDArray[np.int64]


class Underway:
    """Stretches [begin, end] (ns), ``begin`` in order. A query takes O(√n + log n) besides the stretches near it."""

    def __init__(self, begin: Ints, end: Ints) -> None:
        self._begin, self._end = begin, end
        back = end < NEVER
        lengths = (end - begin)[back]
        few = isqrt(len(lengths))
        short = int(np.partition(lengths, -few - 1)[-few - 1]) if few < len(lengths) else 0
        self._short = max(0, short)
        self._long = np.flatnonzero(~back | (end - begin > self._short))

    def meeting(self, start: int, until: int) -> NDArray[np.intp]:
        """The numbers of those with ``begin`` ≤ until and ``end`` ≥ start, in order."""
        first, last = np.searchsorted(self._begin, (start - self._short, until + 1)).tolist()
        long = self._long[: np.searchsorted(self._long, min(first, last))]
        near = np.arange(first, last)
        return np.concatenate((long[self._end[long] >= start], near[self._end[first:last] >= start]))
