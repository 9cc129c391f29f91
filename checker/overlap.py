"""The sweep over insides: which clients were inside at the same time. Exact, O(n log n), for every lock.

Every overlapping pair is counted; for each hold the partner with which it shared the longest time is kept, because a
witness is one pair and comparing only neighbours would miss the later overlaps of a long hold.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from checker.holds import Hold


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


def sweep(holds: Sequence[Hold], process: Callable[[str], str]) -> tuple[int, list[Overlap]]:
    """(number of overlapping pairs, for every hold that entered beside others its longest overlap).

    ``holds`` in order of entering; ``process``: holds of one client process never count as two clients. Touching
    insides (one leaves at the instant the other enters) do not overlap.
    """
    pairs = 0
    telling: list[Overlap] = []
    ends: list[tuple[int, int]] = []
    for number, hold in enumerate(holds):
        if hold.left <= hold.entered:
            continue
        del ends[: bisect.bisect_right(ends, (hold.entered, len(holds)))]
        others = [i for _, i in ends if process(holds[i].client) != process(hold.client)]
        pairs += len(others)
        if others:
            telling.append(Overlap(holds[others[-1]], hold))
        bisect.insort(ends, (hold.left, number))
    return pairs, telling


def together(holds: Iterable[Hold]) -> list[tuple[int, int]]:
    """When two or more holds were inside at once, in order of time (ns)."""
    edges = sorted(edge for hold in holds for edge in ((hold.entered, 1), (hold.left, -1)) if hold.left > hold.entered)
    spans: list[tuple[int, int]] = []
    inside, since = 0, 0
    for t, step in edges:
        if inside < 2 <= inside + step:
            since = t
        elif inside + step < 2 <= inside and since < t:
            spans.append((since, t))
        inside += step
    return spans
