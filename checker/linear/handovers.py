"""A legal schedule of a semaphore whose grants weigh 1, in which permits are handed over at once where they can be.

The k-th release by time of call and the (k + permits)-th grant by time of return belong together: if the least level
never exceeds all permits, the one was called before the other returned. Let the release happen at its return, or at
the grant's if that is sooner, and the grant right then, or at its call if that is later. So no grant goes before its
release, and the level is never too high; it is low only between a release's return and a later grant's call. Refusals
that this schedule explains need no search.
"""

from __future__ import annotations

import numpy as np

from checker.linear.open_stretches import Open
from checker.linear.operations import A, D, F, R
from checker.linear.usage import Column, Usage, swept
from checker.order import Rows


def handed_over(open_: Open) -> Usage:
    """The levels of that schedule. C are left out, with what gives back only what they gave, and
    so are D that no grant needs."""
    line, permits = open_.line, open_.permits
    letter = line.letter
    up = np.flatnonzero(open_.moving & (letter == A))
    down = np.flatnonzero(open_.moving & ((letter == R) | (letter == D)))
    down = down[~np.isin(down, open_.pairs[1])]
    ups, downs = np.searchsorted(up, line.bounds), np.searchsorted(down, line.bounds)
    up = up[np.argsort(line.ret[up], kind="stable")]
    given, taken = _last_moments(open_, down), line.inv[up]
    locks = np.repeat(np.arange(len(line.locks)), np.diff(downs))
    partner = np.arange(len(down)) - downs[locks] + permits + ups[locks]
    paired = partner < ups[locks + 1]
    partner = partner[paired]
    given[paired] = np.minimum(given[paired], line.ret[up[partner]])
    taken[partner] = np.maximum(taken[partner], given[paired])
    happens = given < line.never[locks]
    return swept(line, (given[happens], down[happens], -1), (taken, up, 1))


def _last_moments(open_: Open, down: Rows) -> Column:
    """When releases must have happened."""
    line = open_.line
    given = line.ret[down]
    lost, told = open_.told
    bounded = np.isin(lost, down)
    given[np.searchsorted(down, lost[bounded])] = line.ret[told[bounded]]
    return given


def explained(open_: Open, handed: Usage) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of the demands the schedule meets."""
    line, demands = open_.line, open_.demands
    weight, tries = open_.weight[demands], line.letter[demands] == F
    first, last = handed.windows(line.inv[demands], line.ret[demands])
    met = np.zeros(len(demands), bool)
    for asked in np.unique(weight).tolist():
        for busy, letter in ((handed.level > open_.permits - asked, tries), (handed.level < asked, ~tries)):
            own = letter & (weight == asked)
            met[own] = handed.meet(busy, first[own], last[own])
    return met
