"""What only a general search can decide about an owner mutex, cut down to as few operations as possible.

A *cluster* is a run of zones of one lock, with the holds at both ends and between, the refused tries in it that touch
no core, and the holds by lost acquires that may lie in it. To judge it alone is enough, because

- every other operation lies in another zone or inside a core, and cores are certainly held: orders of the clusters'
  operations can be put one after the other, each hold's acquire taken from the zone before it and its release from the
  zone after it;
- a hold by a lost acquire lies in one zone (it cannot go on through a core), and the cluster has all zones that its
  release can have taken effect in;
- of the lost acquires that hold to the end, the one called first can do what any other can.

A spare hold may lie in any zone from its calls on. So clusters are first searched without; where that is in vain, they
are searched together with the spare holds and all other gaps in need of one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from checker.linear.holds import Holds
from checker.linear.line import Line
from checker.linear.operations import Answer, F, Operations
from checker.linear.refusals import KIND, Inserted, Needs, Tries, gaps_in_need
from checker.linear.tails import Tails
from checker.order import Rows

Decide = Callable[[Operations], Answer | None]
"""A general search: what is wrong with a few operations of one lock that begins free, None where nothing is. Its
witness has rows of what it was given."""

DecidePlaces = Callable[[Rows], Answer | None]
"""The same for operations at places on a line; its witness has places."""

Zones = tuple[int, int]
"""The first and the last of a run."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Runs of zones in which flexible holds compete, or the order of holds is not known. The k-th is [``first[k]``,
    ``last[k]``]."""

    first: Rows
    last: Rows

    def of(self, zones: Rows) -> Rows:
        """Which run a zone is in, −1 for none."""
        if len(self.first) == 0:
            return np.full(len(zones), -1)
        run = np.searchsorted(self.first, zones, side="right") - 1
        return np.where(zones <= self.last[run], run, -1)


def part_flexible(line: Line, holds: Holds, tails: Tails) -> tuple[Inserted, Runs]:
    """Flexible holds that have one zone for themselves, and the zones of all others."""
    first, last = holds.reach(line.inv[tails.flexible_end], line.ret[tails.flexible_end])
    fitting, swapped = np.flatnonzero(first <= last), _swappable(holds)
    number = np.concatenate((fitting, np.full(len(swapped), -1)))
    first, last = np.concatenate((first[fitting], swapped - 1)), np.concatenate((last[fitting], swapped + 1))
    order = np.argsort(first, kind="stable")
    first, reach, number = first[order], np.maximum.accumulate(last[order]), number[order]
    begin = np.flatnonzero(np.append(True, first[1:] > reach[:-1])[: len(first)])
    end = np.append(begin, len(first))[1:]
    low, high = first[begin], reach[end - 1]
    alone = (end - begin == 1) & (low == high)
    own = number[begin[alone]]
    return Inserted(low[alone], tails.flexible[own], tails.flexible_end[own]), Runs(low[~alone], high[~alone])


def _swappable(holds: Holds) -> Rows:
    """Holds whose core is one moment, in which the core of the next begins and ends as well: either may be first. (That
    takes a coarse clock.)"""
    short = holds.start == holds.end
    return np.flatnonzero(short[:-1] & short[1:] & (holds.start[:-1] == holds.start[1:]) & (holds.acquire[1:] >= 0))


def at_places(operations: Operations, line: Line, decide: Decide) -> DecidePlaces:
    """A general search for operations at places of the line that was made from ``operations``."""

    def search(places: Rows) -> Answer | None:
        rows = line.original(places)
        order = np.argsort(rows)
        answer = decide(operations.take(rows[order]))
        return answer and replace(answer, witness=tuple(places[order[list(answer.witness)]].tolist()))

    return search


class Search:
    """Gives clusters to ``decide``. ``needs``: the gaps in need outside of all runs. Witnesses have places."""

    def __init__(self, line: Line, holds: Holds, tails: Tails, tries: Tries, runs: Runs, needs: Needs) -> None:
        self.line, self.holds, self.tails, self.tries = line, holds, tails, tries
        first, last = holds.reach(line.inv[tails.flexible_end], line.ret[tails.flexible_end])
        order = np.argsort(first, kind="stable")
        self.flexible = order[first[order] <= last[order]]
        self.first, self.last = first[self.flexible], last[self.flexible]
        self.needy = np.unique(tries.zone[np.isin(tries.place, needs.place)])
        self.all, self.runs = runs, self._hard(runs)
        self.loose: dict[int, list[Rows]] = defaultdict(list)
        for own in tails.loose:
            self.loose[int(line.lock_of(np.array(own[:1]))[0])].append(np.array(own))

    def _hard(self, runs: Runs) -> Runs:
        """The runs that refused tries make hard. The others are certainly right: no gap is in need of a hold, and every
        flexible one has a zone without tries, in which it can take no time."""
        run = runs.of(self.tries.zone)
        inside = self.tries.take(run >= 0)
        none = np.empty(0, np.intp)
        need = gaps_in_need(self.line, self.holds, inside, Inserted(none, none, none))
        zones = np.unique(inside.zone)
        tried = np.searchsorted(zones, self.last, side="right") - np.searchsorted(zones, self.first, side="left")
        cramped = runs.of(self.first[tried > self.last - self.first])
        hard = np.union1d(cramped[cramped >= 0], run[np.isin(self.tries.place, need.place)])
        return Runs(runs.first[hard], runs.last[hard])

    def locks(self) -> list[int]:
        """The locks that cannot be judged without."""
        hard = np.searchsorted(self.holds.boundary, self.runs.first, side="right")
        return sorted({*hard.tolist(), *self.loose})

    def judge(self, lock: int, decide: DecidePlaces | None) -> Answer | None:
        """One lock. None where nothing is wrong."""
        loose = self.loose.get(lock, [])
        first, last = (int(self.holds.boundary[lock - 1]) if lock else 0), int(self.holds.boundary[lock]) - 1
        own = slice(*np.searchsorted(self.runs.first, (first, last + 1)))
        runs = list(zip(self.runs.first[own].tolist(), self.runs.last[own].tolist(), strict=True))
        if decide is None:
            return self._undecided(runs, loose)
        needy = [(z, z) for z in self.needy[slice(*np.searchsorted(self.needy, (first, last + 1)))].tolist()]
        if loose:
            return decide(self.places(lock, [*runs, *needy, (self._begin(loose), last)], spare=True))
        stuck: dict[Zones, Answer] = {}
        for run in runs:
            answer = self._searched(decide, self.places(lock, [run], spare=False))
            if answer is not None:
                stuck[run] = answer
        if not stuck or not len(self._of_lock(lock, self.tails.spare)):
            return min(stuck.values(), key=lambda answer: answer.valid is None, default=None)
        return self._searched(decide, self.places(lock, [*stuck, *needy], spare=True))

    def _begin(self, loose: Sequence[Rows]) -> int:
        """The first zone that loose operations can matter in; where it belongs to a run, that whole run can."""
        zone = np.searchsorted(self.holds.start[1:], min(int(self.line.inv[own].min()) for own in loose))
        run = self.all.of(np.array([zone]))[0]
        return int(zone if run < 0 else self.all.first[run])

    def _searched(self, decide: DecidePlaces, places: Rows) -> Answer | None:
        """The answer about a cluster without loose operations. What is wrong in it is a refusal: without those, all
        flexible holds have room. It shows the fewest refusals that are wrong together, and all else: a part may be
        wrong by itself only because the rest is not there."""
        answer = decide(places)
        if answer is None or answer.valid is None:
            return answer
        tries = places[self.line.letter[places] == F]
        for one in tries[:MOST_TRIES]:
            fewer = decide(places[places != one])
            if fewer is not None and fewer.valid is False:
                places = places[places != one]
        tries = tries[np.isin(tries, places)]
        return Answer(False, KIND, _NO_ROOM, (*tries.tolist(), *np.setdiff1d(places, tries).tolist()))

    def places(self, lock: int, runs: Sequence[Zones], *, spare: bool) -> Rows:
        """The operations of a cluster; ``spare``: with the lock's spare holds."""
        holds, tails = self.holds, self.tails
        found = list(self.loose.get(lock, []))
        for first, last in runs:
            ends = slice(first, last + 2)
            flexible = self.flexible[slice(*np.searchsorted(self.first, (first, last + 1)))]
            tries = slice(*np.searchsorted(self.tries.zone, (first, last + 1)))
            found += [holds.acquire[ends], holds.closing[ends], holds.told_free(holds.closing[ends]),
                      self.tries.place[tries], tails.flexible[flexible], tails.flexible_end[flexible]]  # fmt: skip
            if last + 1 == holds.boundary[lock]:
                lost = self._of_lock(lock, tails.lost)
                soonest = lost[np.argsort(self.line.inv[tails.lost_after[lost]], kind="stable")[:1]]
                found += [tails.lost[soonest], tails.lost_after[soonest]]
        if spare:
            own = self._of_lock(lock, tails.spare)
            found += [tails.spare[own], tails.spare_end[own]]
        places = np.unique(np.concatenate(found))
        return places[places >= 0]

    def _of_lock(self, lock: int, places: Rows) -> Rows:
        """Which of these operations belong to the lock."""
        begin, end = self.line.bounds[lock : lock + 2]
        return np.flatnonzero((places >= begin) & (places < end))

    def _undecided(self, runs: Sequence[Zones], loose: Sequence[Rows]) -> Answer:
        if loose:
            why, places = "{0} went on after a result of unknown effect; that needs a general search", loose[0][:4]
        else:
            first, last = runs[0]
            flexible = self.flexible[slice(*np.searchsorted(self.first, (first, last + 1)))][:1]
            tried = self.tries.place[np.searchsorted(self.tries.zone, first)]
            why = _WENT_ON if len(flexible) else _SAME_MOMENT
            places = np.append(self.tails.flexible[flexible], tried)
        return Answer(None, "undecided", why, tuple(places.tolist()))


MOST_TRIES = 16
"""Refusals of a cluster that are searched without, one by one, to see which are wrong."""

_NO_ROOM = "{0} was refused although nobody can have held it then, whenever the acquires of unknown effect took effect"


_WENT_ON = (
    "{0} went on after an acquire of unknown effect, and whether the refusal of {1} is right depends on when that took "
    "effect"
)
_SAME_MOMENT = "whether the refusal of {0} is right depends on the order of holds that began and ended at one moment"
