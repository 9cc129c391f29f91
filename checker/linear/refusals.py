"""Exact refusals of an owner mutex that never lapses (CHECKERS §3, §4).

A refusal that touches a core is right. One in the zone between two cores is wrong if it lies strictly inside the
forced gap there, unless a hold by a lost acquire filled that gap. There are three kinds of those:

- *lost*: it holds to the end, so it fills the last gap from its call on (:class:`Holds` has it in ``granted``);
- *flexible*: it certainly was, its release took effect. One that can lie in one zone only, and has it for itself, is
  one more hold there: it parts the gap in two. Several that compete need a general search (:mod:`.cluster`);
- *spare*: it may have been, for a while, anywhere from its calls on, so it fills one gap of our choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.linear.findings import Findings
from checker.linear.holds import Holds
from checker.linear.line import Line
from checker.linear.operations import F
from checker.linear.tails import Tails
from checker.order import Rows, firsts, taken

KIND = "refused-while-free"
WHY = "{0} was refused although nobody can have held it then"
TOO_FEW = "{0} was refused although nobody can have held it then: the acquires of unknown effect explain fewer refusals"


@dataclass(frozen=True, slots=True, eq=False)
class Tries:
    """Refused tries between two cores, in order: ``place``, and ``zone`` of each."""

    place: Rows
    zone: Rows

    def take(self, chosen: NDArray[np.bool_] | Rows) -> Tries:
        """Some of them."""
        return Tries(self.place[chosen], self.zone[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Inserted:
    """Flexible holds that each have a zone for themselves, in order of ``zone``: places of their operations."""

    zone: Rows
    acquire: Rows
    release: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Needs:
    """Forced gaps in which a try was refused, in order. ``place``: the refused try that returned first there.
    ``before``, ``after``: places of the operations around the gap, −1 for none. ``until``: the last moment at which
    the next acquire may take effect."""

    place: Rows
    before: Rows
    after: Rows
    until: NDArray[np.int64]

    def take(self, chosen: NDArray[np.bool_]) -> Needs:
        """Some of them."""
        return Needs(self.place[chosen], self.before[chosen], self.after[chosen], self.until[chosen])


def tries_between(line: Line, holds: Holds) -> Tries:
    """The refused tries that touch no core."""
    place = np.flatnonzero(line.letter == F)
    if len(place) == 0:
        return Tries(place, place)
    zone = holds.zone_of(place)
    after, before = (
        taken(holds.end, zone) < taken(line.inv, place),
        taken(line.ret, place) < taken(holds.start, zone + 1),
    )
    return Tries(place, zone).take(after & before)


def gaps_in_need(line: Line, holds: Holds, tries: Tries, inserted: Inserted) -> Needs:
    """The forced gaps that some of these tries lie strictly inside of."""
    place, zone = tries.place, tries.zone
    inv, ret = line.inv[place], line.ret[place]
    low, high, until = holds.released[zone], holds.granted[zone + 1], holds.start[zone + 1]
    before, after = holds.closing[zone], holds.acquire[zone + 1]
    later = np.zeros(len(place), bool)
    if len(inserted.zone):
        there = np.minimum(np.searchsorted(inserted.zone, zone), len(inserted.zone) - 1)
        parted = inserted.zone[there] == zone
        acquire, release = inserted.acquire[there], inserted.release[there]
        later = parted & (line.ret[release] < inv)
        earlier = parted & ~later
        low, before = np.where(later, line.ret[release], low), np.where(later, release, before)
        high, after = np.where(earlier, line.inv[acquire], high), np.where(earlier, acquire, after)
        until = np.where(earlier, np.minimum(line.ret[release], until), until)
    stray = np.flatnonzero((low < inv) & (ret < high))
    part = 2 * zone[stray] + later[stray]
    stray = stray[np.lexsort((ret[stray], part))]
    stray = stray[firsts(2 * zone[stray] + later[stray])]
    return Needs(place[stray], holds.told_free(before[stray]), after[stray], until[stray])


def refused_while_free(line: Line, needs: Needs, tails: Tails, findings: Findings) -> None:
    """Which of the gaps nobody can have filled. A spare hold fits a gap if it was called before the first refused try
    returned there, and its release before the next acquire had to take effect. Then it fits all later gaps as well, so
    they are enough if for each gap there are as many that fit as gaps so far."""
    lock = line.lock_of(needs.place)
    begin = firsts(lock)
    counts = np.diff(np.append(begin, len(lock)))
    number = np.arange(len(lock)) - np.repeat(begin, counts)
    fits = np.maximum(
        np.searchsorted(line.ret[needs.place], line.inv[tails.spare], side="left"),
        np.searchsorted(needs.until, line.inv[tails.spare_end], side="left"),
    )
    own = fits < len(lock)
    own[own] = lock[fits[own]] == line.lock_of(tails.spare[own])
    so_far = np.append(0, np.cumsum(np.bincount(fits[own], minlength=len(lock))))
    fitting = so_far[1:] - np.repeat(so_far[begin], counts)
    wrong = fitting <= number
    plain = wrong & (fitting == 0)
    findings.add(KIND, WHY, line.ret[needs.place[plain]], needs.place[plain], needs.before[plain], needs.after[plain])
    short = np.flatnonzero(wrong & ~plain)
    for one in short[firsts(lock[short])]:
        gaps = slice(one, one - number[one] - 1 if one > number[one] else None, -1)
        spares = own & (fits <= one) & (fits >= one - number[one])
        witness = (needs.place[gaps], needs.before[gaps], needs.after[gaps], tails.spare[spares],
                   tails.spare_end[spares])  # fmt: skip
        findings.add(KIND, TOO_FEW, line.ret[needs.place[[one]]], *np.concatenate(witness)[:, None])
