"""A step function of time to which stretches are added, and which says where two of them may not lie together.

It takes O(log n) comparisons to find a place among n steps. A stretch walks over the steps it covers; equal neighbours
become one step, so with a claim that combines with few others (a mutex: with none) that is O(1) over the long run.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Generic, TypeVar

Claim = TypeVar("Claim")

Combine = Callable[[Claim | None, Claim], Claim | None]
"""What lies there after a claim was added to what lies there (None: nothing); None where the two clash."""


class Timeline(Generic[Claim]):
    """``times[i]`` (ns) is where ``values[i]`` begins to hold; nothing lies before the first and after the last."""

    def __init__(self, combine: Combine[Claim]) -> None:
        self._combine = combine
        self._times: list[int] = []
        self._values: list[Claim | None] = []

    def __len__(self) -> int:
        return len(self._times)

    def lay(self, begin: int, end: int, claim: Claim) -> int | None:
        """Add a claim to [begin, end). Returns the first moment at which it clashes (and is then done with: what lies
        there is no longer of use), else None."""
        if begin >= end:
            return None
        first = self._step_at(begin)
        last = self._step_at(end)
        for at in range(first, last):
            value = self._combine(self._values[at], claim)
            if value is None:
                return self._times[at]
            self._values[at] = value
        self._join(first, last)
        return None

    def forget(self, t: int) -> None:
        """Drop what lies before ``t``; nothing is laid there any more."""
        at = bisect_right(self._times, t) - 1
        if at > 0:
            del self._times[:at], self._values[:at]
        if self._values and self._values[0] is None:
            del self._times[0], self._values[0]

    def _step_at(self, t: int) -> int:
        """The step that begins at ``t``, made where there is none."""
        at = bisect_left(self._times, t)
        if at == len(self._times) or self._times[at] != t:
            self._times.insert(at, t)
            self._values.insert(at, self._values[at - 1] if at else None)
        return at

    def _join(self, first: int, last: int) -> None:
        """Make equal neighbours among the steps ``first`` to ``last`` one."""
        values = self._values
        kept = [at for at in range(first, last + 1) if values[at] != (values[at - 1] if at else None)]
        self._times[first : last + 1] = [self._times[at] for at in kept]
        self._values[first : last + 1] = [values[at] for at in kept]
