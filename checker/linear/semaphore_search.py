"""Searches the stretches of a semaphore's history that its least level does not settle, and says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from checker.linear.findings import Findings
from checker.linear.frontier import Counted, Frontier, TooWide
from checker.linear.handovers import explained, handed_over
from checker.linear.line import Line
from checker.linear.open_stretches import NOT_YET, SPECIAL, Events, Open, Stretch
from checker.linear.operations import A, F, R
from checker.linear.usage import Usage
from checker.linear.whole_lock import hard
from checker.order import Rows

TRIED = 64
"""Demands that are left out one by one, at most, to find those that contradict each other."""
TOO_WIDE = "whether {0} was refused rightly takes a search that grew too wide"


def search_open(open_: Open, least: Usage, below: Rows, findings: Findings) -> dict[int, tuple[Rows, str]]:
    """Search all stretches with demands, or with states ``below`` zero. What is wrong goes to ``findings``; given back
    are the locks whose search grew too wide."""
    line = open_.line
    known = np.array(sorted(findings.locks()), np.intp)
    open_ = replace(open_, demands=open_.demands[~np.isin(line.lock_of(open_.demands), known)])
    below = below[~np.isin(least.lock_of(below), known)]
    locks = np.union1d(line.lock_of(open_.demands), least.lock_of(below))
    if len(locks) == 0:
        return {}
    open_ = open_.only(locks)
    events = Events(open_)
    search = _Search(events)
    wide = np.zeros(len(line.locks), bool)
    for lock, begin, stretches in events.stretches(least, _asked(open_, events, least, below)):
        try:
            stuck = search.lock(begin, stretches)
        except TooWide:
            wide[lock] = True
            continue
        if stuck:
            _report(findings, line, events.place[stuck])
    return hard(line, events.place[wide[line.lock_of(events.place)]], TOO_WIDE)


def _asked(open_: Open, events: Events, least: Usage, below: Rows) -> Rows:
    """Events in stretches that need a search: where permits handed over at once do not explain everything."""
    line = open_.line
    uneven = np.unique(line.lock_of(np.flatnonzero(open_.moving & (open_.weight > 1))))
    handed = handed_over(open_)
    plain = ~np.isin(line.lock_of(open_.demands), uneven) & explained(open_, handed)
    negative = np.flatnonzero(handed.level < 0)
    negative = negative[~np.isin(handed.lock_of(negative), uneven)]
    below = below[np.isin(least.lock_of(below), uneven)]
    back = open_.pairs[1][line.letter[open_.pairs[1]] == R]
    first, last = handed.windows(line.inv[back], line.ret[back])
    crowded = back[~handed.meet(handed.level < open_.permits, first, last)]
    return np.concatenate((events.of(open_.demands[~plain]), events.of(crowded), events.of(least.place[below]),
                           events.at(handed.time[negative])))  # fmt: skip


class _Pending:
    """What is pending where everything is known: grants, and releases of unknown effect that need one of these
    (``ops``); by kind, grants of unknown effect that are all alike (``ghosts``)."""

    def __init__(self, counted: Counted) -> None:
        self.counted = counted
        self.ops: dict[int, None] = {}
        self.ghosts: dict[int, list[int]] = {}

    def go_through(self, events: Iterable[int]) -> None:
        """Up to after these events."""
        step, needs, due, kind = self.counted.step, self.counted.needs, self.counted.due, self.counted.kind
        for event in events:
            if event < 0:
                if step[~event] > 0:
                    del self.ops[~event]
                elif needs[~event] >= 0:
                    # What a release needed was used up.
                    del self.ops[needs[~event]]
            elif due[event] == NOT_YET and 0 < kind[event] < SPECIAL:
                self.ghosts.setdefault(kind[event], []).append(event)
            elif step[event] > 0 or (needs[event] >= 0 and due[event] == NOT_YET):
                self.ops[event] = None

    def before(self, events: Iterable[int]) -> list[int]:
        """As many as can be of use while these events happen: each of the permits can be taken once, and once more for
        each that is given back."""
        given = sum(-min(self.counted.step[event], 0) for event in events if event >= 0)
        return [*self.ops, *(op for alike in self.ghosts.values() for op in alike[: self.counted.permits + given])]


class _Search:
    def __init__(self, events: Events) -> None:
        self.order = events.order
        self.ops = events.counted()

    def lock(self, begin: int, stretches: Sequence[Stretch]) -> list[int]:
        """The operations of one lock, from its first event on, that cannot all be right; none if they can."""
        pending = _Pending(self.ops)
        done = begin
        for stretch in stretches:
            pending.go_through(self.order[done : stretch.first].tolist())
            events = self.order[stretch.first : stretch.last + 1].tolist()
            before = pending.before(events)
            if self._stuck(stretch.level, before, events, None) is not None:
                return self._blame(stretch.level, before, events)
            pending.go_through(events)
            done = stretch.last + 1
        return []

    def _stuck(self, level: int, pending: Sequence[int], events: Sequence[int], kept: set[int] | None) -> int | None:
        """The operation that cannot be placed. Of the demands only those ``kept`` count, None for all."""
        step = self.ops.step
        plain = self._plain(pending) and self._plain(event for event in events if event >= 0)
        frontier = Frontier(self.ops, level, pending, plain=plain)
        known = set(pending)
        for event in events:
            if event >= 0:
                if step[event] or kept is None or event in kept:
                    known.add(event)
                    frontier.call(event)
            elif ~event in known and not frontier.ret(~event):
                return ~event
        return None

    def _plain(self, ops: Iterable[int]) -> bool:
        low, high, kind = self.ops.low, self.ops.high, self.ops.kind
        return all(
            abs(kind[op]) == 1 or (kind[op] == 0 and (low[op] == self.ops.permits or high[op] == 0)) for op in ops
        )

    def _blame(self, level: int, pending: Sequence[int], events: Sequence[int]) -> list[int]:
        """The fewest demands that cannot be met together, or the operation that cannot be placed without any."""
        stuck = self._stuck(level, pending, events, set())
        if stuck is not None:
            return [stuck]
        stuck = self._stuck(level, pending, events, None)
        until = events[: events.index(~stuck) + 1 if stuck is not None else None]
        demands = [event for event in until if event >= 0 and not self.ops.step[event]]
        size = 1
        while size < len(demands) and self._stuck(level, pending, events, set(demands[-size:])) is None:
            size *= 2
        kept = demands[-size:]
        for one in list(kept) if size <= TRIED else []:
            if self._stuck(level, pending, events, set(kept) - {one}) is not None:
                kept.remove(one)
        return kept


def _report(findings: Findings, line: Line, places: Rows) -> None:
    letter = line.letter[places[0]]
    kind, why = {
        A: ("double-grant", "{0} was granted permits that were not free at any moment of that call"),
        R: ("release-not-held", "{0} gave back permits, but too few were in use all through that call"),
        F: ("refused-while-free", "{0} was refused, but what it asked for was free all through that call"),
    }.get(int(letter), ("lost-lock", "{0} was told not held, but as much was in use all through that call"))
    if len(places) > 1:
        names = " and ".join(f"{{{number}}}" for number in range(len(places)))
        why = f"{names} were refused, but not all of that can have been right"
    findings.add(kind, why, line.ret[places[:1]], *(places[number : number + 1] for number in range(len(places))))
