"""A meeting of two insides, and when more were inside than the lock allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.holds import Hold, Holds
from histories.columns import Calls
from histories.spec import Spec
from histories.vocabulary import MODES

_WRITER = 1 << 40
"""What a writer weighs where a reader weighs 1: more than all readers."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """``first`` was inside when ``second`` entered; both were inside from ``start`` to ``end`` (ns)."""

    first: Hold
    second: Hold

    @property
    def start(self) -> int:
        """When the second entered."""
        return self.second.entered

    @property
    def end(self) -> int:
        """When the first of the two left."""
        return min(self.first.left, self.second.left)

    @property
    def length(self) -> int:
        """For how long both were inside, ns."""
        return self.end - self.start


def crowded(holds: Holds, calls: Calls, spec: Spec) -> list[tuple[int, int]]:
    """When more of one lock's holds were inside at once than the spec allows, in order of time (ns)."""
    return _above(holds, calls, spec, _WRITER if spec.read_write else spec.permits)


def in_use(holds: Holds, calls: Calls, spec: Spec) -> list[tuple[int, int]]:
    """When all of a semaphore's permits were in use, in order of time (ns)."""
    return _above(holds, calls, spec, spec.permits - 1)


def _above(holds: Holds, calls: Calls, spec: Spec, limit: int) -> list[tuple[int, int]]:
    some = np.flatnonzero(holds.left > holds.entered)
    weight = _weights(calls, holds.acquire[some], spec)
    t = np.concatenate((holds.entered[some], holds.left[some]))
    step = np.concatenate((weight, -weight))
    order = np.lexsort((step, t))
    over = np.cumsum(step[order]) > limit
    turns = t[order][np.flatnonzero(np.diff(over, prepend=False, append=False))]
    begin, end = turns[::2], turns[1::2]
    return list(zip(begin[begin < end].tolist(), end[begin < end].tolist(), strict=True))


def _weights(calls: Calls, acquires: NDArray[np.int64], spec: Spec) -> NDArray[np.int64]:
    if spec.read_write:
        return np.where(calls.mode[acquires] == MODES.index("shared"), 1, _WRITER)
    return calls.permits[acquires].astype(np.int64) if spec.permits > 1 else np.ones(len(acquires), np.int64)
