"""A semaphore: so many permits, taken and given back one or more at a time (CHECKERS §7). Many locks in one sweep.

Taken as late and given back as early as it can be (A at its return, R at its call), no more than all permits must ever
be in use. Where clients give back only what they hold, that is enough, for any weights: the level is the least at
every moment, and what a client holds is told by its own operations. A refused try then needs a moment of its window at
which less was free than it asked for. Where the least level does not show one, the stretch around it goes to the
search of :mod:`checker.linear.frontier`; so does, without owners, a stretch in which the least level is below zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checker.linear.cluster import Decide
from checker.linear.depths import Depths, depths, holders
from checker.linear.findings import Findings
from checker.linear.grants import open_grants
from checker.linear.line import Line, on_one_line
from checker.linear.open_stretches import Open
from checker.linear.operations import A, Answers, C, D, F, N, Operations, R
from checker.linear.semaphore_search import search_open
from checker.linear.usage import Usage, usage
from checker.linear.whole_lock import WENT_ON, Hard, hard, with_hard
from checker.order import Rows

NOWHERE = np.empty(0, np.intp)


def semaphore(operations: Operations, permits: int, *, owners: bool, decide: Decide | None = None) -> Answers:
    """What is wrong with semaphores of that many permits that begin with all of them free and never lapse.

    ``owners``: permits are given back by who holds them, in any parts; otherwise by anybody. F and N must be exact
    ones. A C or D that nothing else constrains is left open. What is exact: everything without F; with F everything
    but clients that went on after a C or D in ways that tie its effect to theirs. ``decide`` judges those (and searches
    that grow too wide) by the lock; without it they are undecided.
    """
    if permits < 1:
        raise ValueError(f"a semaphore has at least one permit, not {permits}")
    line = on_one_line(operations)
    if len(line) == 0:
        return {}
    judge = _Semaphore(line, (operations.weight if line.rows is None else operations.weight[line.rows]), permits)
    found = judge.owned() if owners else judge.anonymous()
    return with_hard(judge.findings.answers(), operations, line, found, decide)


class _Semaphore:
    """What is certain goes to ``findings``; given back is what makes other locks (the k of the k-th) hard."""

    def __init__(self, line: Line, weight: NDArray[np.int32], permits: int) -> None:
        self.line, self.weight, self.permits = line, weight.astype(np.int64), permits
        self.findings = Findings(line)

    def owned(self) -> Hard:
        """Permits that belong to who took them."""
        own = depths(self.line, holders(self.line), self.weight)
        self._contradictions(own)
        flash, marks = own.place[own.flash], own.marks
        uneven, loose = own.place[own.of(marks.uneven)], own.place[own.of(marks.tied)]
        letter = self.line.letter
        taken, given = letter == A, letter == R
        given[own.place[own.effective()]] = True
        for others in (flash, uneven):
            taken[others] = given[others] = False
        least = self._least(taken, given)
        self._overfull(least, owners=True)
        self._flashes(least, flash)
        tries = self._refused(least)
        tied = np.isin(self.line.lock_of(tries), self.line.lock_of(loose))
        told, pairs = ((own.place[one], own.place[two]) for one, two in (own.told(), own.pairs))
        moving = taken | given | (letter == C)
        moving[pairs[1]] = True
        open_ = Open(self.line, self.weight, self.permits, moving, tries[~tied], told, pairs)
        wide = search_open(open_, least, NOWHERE, self.findings)
        asked = loose[np.isin(self.line.lock_of(loose), self.line.lock_of(tries[tied]))]
        return wide | hard(self.line, np.concatenate((uneven, asked)), WENT_ON)

    def anonymous(self) -> Hard:
        """Permits that anybody gives back."""
        letter = self.line.letter
        least = self._least(letter == A, (letter == R) | (letter == D))
        self._overfull(least, owners=False)
        demands = np.union1d(self._refused(least), self._not_held())
        moving = (letter != F) & (letter != N)
        open_ = Open(self.line, self.weight, self.permits, moving, demands)
        return search_open(open_, least, np.flatnonzero(least.level < 0), self.findings)

    def _contradictions(self, own: Depths) -> None:
        at = own.place[own.wrong]
        self.findings.add("release-not-held", "{0} released what it did not hold", self.line.ret[at], at)
        at = own.place[own.refused_release()]
        self.findings.add("lost-lock", "{0} was told that what it held is not held", self.line.ret[at], at)

    def _least(self, taken: NDArray[np.bool_], given: NDArray[np.bool_]) -> Usage:
        up, down = np.flatnonzero(taken), np.flatnonzero(given)
        return usage(self.line, down, -self.weight[down], up, self.weight[up])

    def _overfull(self, least: Usage, *, owners: bool) -> None:
        """Per lock, the first grant that made too many."""
        over = np.flatnonzero(least.level > self.permits)
        _, first = np.unique(least.lock_of(over), return_index=True)
        for state in over[first].tolist():
            grant = int(least.place[state])
            weight = int(self.weight[grant])
            self._full(least, state, grant, weight, owners, "double-grant", f"was granted {weight} of {self.permits}")

    def _flashes(self, least: Usage, flash: Rows) -> None:
        """A hold that needs one instant only needs that."""
        windows = least.windows(self.line.inv[flash], self.line.ret[flash])
        for place, first, last in zip(flash.tolist(), *(column.tolist() for column in windows), strict=True):
            state = first + int(np.argmin(least.level[first : last + 1]))
            weight = int(self.weight[place])
            if least.level[state] + weight > self.permits:
                released = self.line.letter[place] == R
                kind, what = ("foreign-release", "released") if released else ("double-grant", "was granted")
                self._full(least, state, place, weight, True, kind, f"{what} {weight} of {self.permits}")

    def _full(self, least: Usage, state: int, place: int, weight: int, owners: bool, kind: str, what: str) -> None:
        """``place`` needed ``weight`` permits in a state in which the open grants leave less: the fewest that do."""
        shown, releases, free = [], [], self.permits
        for grant, permits, release in open_grants(self.line, least, state, anybody=not owners):
            if grant == place:
                releases.append(release)
            elif free >= weight:
                shown.append(grant)
                releases.append(release)
                free -= permits
        others = " and ".join(f"{{{number}}}" for number in range(1, len(shown) + 1))
        why = f"{{0}} {what}" + (f" while {others} certainly held {self.permits - free}" if others else "")
        ends = sorted({release for release in releases if release >= 0})
        moment = self.line.ret[[place]]
        self.findings.add(kind, why, moment, *(np.array([one]) for one in (place, *shown, *ends)))

    def _refused(self, least: Usage) -> Rows:
        """Refused tries that are not certainly right."""
        tries = np.flatnonzero(self.line.letter == F)
        wanted = self.weight[tries]
        first, last = least.windows(self.line.inv[tries], self.line.ret[tries])
        right = np.zeros(len(tries), bool)
        for weight in np.unique(wanted).tolist():
            own = wanted == weight
            right[own] = least.meet(least.level > self.permits - weight, first[own], last[own])
        return tries[~right]

    def _not_held(self) -> Rows:
        """Refused releases that are not certainly right: as much may have been in use all the time."""
        line, letter = self.line, self.line.letter
        refused = np.flatnonzero(letter == N)
        if len(refused) == 0:
            return refused
        up, down = np.flatnonzero((letter == A) | (letter == C)), np.flatnonzero(letter == R)
        most = usage(line, up, self.weight[up], down, -self.weight[down])
        first, last = most.windows(line.inv[refused], line.ret[refused])
        right = np.zeros(len(refused), bool)
        for weight in np.unique(self.weight[refused]).tolist():
            own = self.weight[refused] == weight
            right[own] = most.meet(most.level < weight, first[own], last[own])
        return refused[~right]
