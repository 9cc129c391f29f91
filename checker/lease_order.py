"""Whether leases can have been granted one after another, none while another was alive.

A lease begins at some moment between when it was asked for and when the acquire returned, and lasts for the TTL, or
until its holder lets go. Finding an order for such jobs is NP-hard in general; for locks it hardly ever is: a lease
that was certainly alive at some moment has its place among all others like it. What is left are the few whose acquires
took longer than the lease lasts. Their places are looked for by dynamic programming over subsets: of two ways to have
granted the same leases the one that ends earlier is as good (M. Held, R. Karp, 1962).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from histories.columns import NEVER

MOST_FREE = 12
"""How many leases without a place of their own may lie together at most."""
MOST_STEPS = 5_000_000
"""How many ways of going on may be tried for one cluster (some seconds)."""

Ints = NDArray[np.int64]


class Lease(NamedTuple):
    """One lease, times in ns: it began in [asked, back], and ends when its holder lets go, or ``ttl`` after it began or
    was last renewed."""

    number: int
    asked: int
    back: int
    renewed: int
    letting_go: int
    ttl: int

    def end(self, start: int) -> int:
        """Until when it is certainly alive if it began at ``start``."""
        return max(start, min(max(start, self.renewed) + self.ttl, self.letting_go))

    @property
    def placed(self) -> bool:
        """Whether it was alive at the return of its acquire, whenever it began."""
        return self.end(self.asked) > self.back


@dataclass(frozen=True)
class Impossible:
    """Leases (their numbers) for which there is no order, or (``decided`` False) of which it is not known."""

    numbers: list[int]
    decided: bool


def out_of_any_order(asked: Ints, back: Ints, renewed: Ints, letting_go: Ints, ttl: int) -> Impossible | None:
    """The first leases that cannot have been granted one after another; None where all of them can.

    Columns of equal length, in order of ``back``. Those whose order was not found out are given only where none is
    impossible for certain.
    """
    doubtful: Impossible | None = None
    for cluster in _clusters(asked, back, renewed, letting_go, ttl):
        leases = [
            Lease(number, int(asked[number]), int(back[number]), int(renewed[number]), int(letting_go[number]), ttl)
            for number in cluster.tolist()
        ]
        fits = _one_after_another(leases) or _fit(leases)
        if not fits:
            found = Impossible([lease.number for lease in leases], decided=fits is False)
            if found.decided:
                return found
            doubtful = doubtful or found
    return doubtful


def _clusters(asked: Ints, back: Ints, renewed: Ints, letting_go: Ints, ttl: int) -> Iterator[NDArray[np.intp]]:
    """Leases that may get in each other's way, in order of ``back``; those that cannot are passed over.

    Begun as late as can be, a lease ends latest. Where all that returned before have ended by then, before anything
    that returned later was asked for, nothing reaches across.
    """
    latest = np.maximum(back, np.minimum(np.maximum(back, renewed) + ttl, letting_go))
    furthest = np.maximum.accumulate(latest)
    if (furthest[:-1] <= back[1:]).all():
        return
    soonest = np.minimum.accumulate(asked[::-1])[::-1]
    cuts = np.flatnonzero(furthest[:-1] <= soonest[1:]) + 1
    for first, last in zip([0, *cuts.tolist()], [*cuts.tolist(), len(asked)], strict=True):
        if (furthest[first : last - 1] > back[first + 1 : last]).any():
            yield np.arange(first, last)


def _one_after_another(leases: list[Lease]) -> bool:
    """Whether granting them in order of their returns works, each as early as can be."""
    free = -NEVER
    for lease in leases:
        start = max(lease.asked, free)
        if start > lease.back:
            return False
        free = lease.end(start)
    return True


def _fit(leases: list[Lease]) -> bool | None:
    """Whether there is an order; None where too many have no place of their own."""
    placed = [lease for lease in leases if lease.placed]
    others = [lease for lease in leases if not lease.placed]
    if len(others) > MOST_FREE or (len(placed) + 1) * len(others) << len(others) > MOST_STEPS:
        return None
    masks = sorted(range(1 << len(others)), key=int.bit_count)
    whole = (1 << len(others)) - 1
    # soonest[mask]: when the first ``done`` placed ones and the others in the mask can be over.
    soonest = _insert({0: -NEVER}, others, masks)
    for lease in placed:
        after = {mask: lease.end(max(lease.asked, free)) for mask, free in soonest.items() if free <= lease.back}
        soonest = _insert(after, others, masks)
    return whole in soonest


def _insert(soonest: dict[int, int], others: list[Lease], masks: list[int]) -> dict[int, int]:
    """Grant any of the others next, in every way that works."""
    found = dict(soonest)
    for mask in masks:
        if mask not in found:
            continue
        for place, lease in enumerate(others):
            start = max(lease.asked, found[mask])
            if not mask >> place & 1 and start <= lease.back:
                after = mask | 1 << place
                found[after] = min(found.get(after, NEVER), lease.end(start))
    return found
