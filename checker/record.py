"""A whole history as the checker sees it: what is worked out once for all of its locks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.deadlocks import deadlocks
from checker.holds import WHYS, Departure, Holds, build_holds
from checker.insides import Meetings, meetings
from checker.linear.decide import linear_answers
from checker.linear.operations import Answer
from checker.lives import Lives, read_lives
from checker.observed import Observed, read_observed
from checker.order import stable_order
from checker.overtakes import overtaken
from checker.resources import Effects, Runs, read_counters, read_effects, read_runs
from checker.underway import Underway
from checker.windows import Aimed, Window, read_windows
from histories.columns import NEVER, Calls
from histories.read import History
from histories.rows import Effect, Event, Job, Leave, Ledger, Told, Trial, Wake
from histories.spec import Spec

OfLock = Told | Leave | Wake | Ledger | Effect | Job


@dataclass
class Record:
    """``calls``: lock by lock in order of first use, each lock's in order of calling; lock ``i`` has the rows
    ``[bounds[i], bounds[i + 1])``. ``start``, ``end``: of the trial (ns); ``ended``: whether it came to its end."""

    spec: Spec
    calls: Calls
    locks: list[str]
    bounds: NDArray[np.int64]
    rows: list[Event]
    start: int
    end: int
    ended: bool
    remarks: list[str] = field(default_factory=list)
    _asking: dict[int, tuple[NDArray[np.intp], Underway]] = field(default_factory=dict)

    @cached_property
    def windows(self) -> list[Window]:
        """The fault windows, in order of asking."""
        return read_windows(self.rows)

    @cached_property
    def aimed(self) -> Aimed:
        """Which client processes the faults singled out."""
        return Aimed(self.windows, self.lives.process)

    @cached_property
    def observed(self) -> Observed:
        """What observers saw."""
        return read_observed(self.rows)

    @cached_property
    def lives(self) -> Lives:
        """What happened to client processes."""
        return read_lives(self.rows)

    @cached_property
    def clients(self) -> list[str]:
        """The clients' names by number."""
        return self.calls.clients.list()

    @cached_property
    def client_numbers(self) -> dict[str, int]:
        """The clients' numbers by name."""
        return {name: number for number, name in enumerate(self.clients)}

    @cached_property
    def gone(self) -> NDArray[np.int64]:
        """Per client, when it ended (ns), by a kill or by retiring; NEVER where it did not."""
        return self._per_client(self.lives.gone, bool(self.lives.kills or self.lives.retirements))

    def _per_client(self, moment: Callable[[str], int], any_at_all: bool) -> NDArray[np.int64]:
        """A moment of each client's life; NEVER for all, where nobody has one."""
        if not any_at_all:
            return np.full(len(self.calls.clients), NEVER)
        return np.array([moment(name) for name in self.clients], np.int64)

    @cached_property
    def process(self) -> NDArray[np.int32]:
        """Per client, the number of the process it lives in: that of its first identity."""
        numbers = self.process_numbers
        return np.array([numbers[self.lives.process(name)] for name in self.clients], np.int32)

    @cached_property
    def process_numbers(self) -> dict[str, int]:
        """The processes' numbers by name."""
        names = dict.fromkeys(self.lives.process(name) for name in self.clients)
        return {name: number for number, name in enumerate(names)}

    @cached_property
    def holds(self) -> Holds:
        """The holds of all locks."""
        killed = self._per_client(self.lives.killed, bool(self.lives.kills))
        return build_holds(self.calls, self._departures(), np.minimum(killed, self.end), killed <= self.end)

    def _departures(self) -> list[Departure]:
        leaves = [row for row in self.rows if isinstance(row, Leave)]
        locks = self.lock_numbers
        keys = self.calls.attempt.finder() if leaves else None
        return [
            Departure(self.client_numbers[row.client], locks[row.lock], row.t, WHYS.index(row.why),
                      keys(row.attempt) if keys else -1)
            for row in leaves
            if row.client in self.client_numbers and row.lock in locks
        ]  # fmt: skip

    @cached_property
    def hold_bounds(self) -> NDArray[np.int64]:
        """Lock ``i`` has the holds ``[hold_bounds[i], hold_bounds[i + 1])``."""
        return np.searchsorted(self.holds.lock, np.arange(len(self.locks) + 1)).astype(np.int64)

    @cached_property
    def meetings(self) -> Meetings:
        """Which insides met, of all locks."""
        return meetings(self.holds, self.process, self.spec, self.calls)

    @cached_property
    def overtaken(self) -> NDArray[np.int64]:
        """Per hold, how many of its lock called later and were granted first."""
        return overtaken(self.holds, self.calls, self.process)

    @cached_property
    def lock_numbers(self) -> dict[str, int]:
        """The locks' numbers by name."""
        return {name: number for number, name in enumerate(self.locks)}

    def asking(self, number: int) -> tuple[NDArray[np.intp], Underway]:
        """(the rows of the attempts to acquire a lock, when they were under way)."""
        if number not in self._asking:
            begin, end = self.bounds[number : number + 2].tolist()
            rows = begin + np.flatnonzero(self.calls.take(slice(begin, end)).acquires)
            self._asking[number] = rows, Underway(self.calls.inv[rows], self.calls.ret[rows])
        return self._asking[number]

    @cached_property
    def effects(self) -> Effects:
        """What resources did, by the case in which it is judged."""
        return read_effects(self.rows, self.lock_numbers)

    @cached_property
    def deadlocks(self) -> Counter[int]:
        """By number of the lock, waits that ended in a deadlock."""
        return deadlocks(self.calls, self.holds) if len(self.locks) > 1 else Counter()

    @cached_property
    def counters(self) -> dict[str, list[Ledger]]:
        """What was written to each counter of the ledger, under whichever locks."""
        return read_counters(self.rows)

    @cached_property
    def runs(self) -> Runs:
        """Runs of jobs, by the case in which they are judged."""
        return read_runs(self.rows, self.lock_numbers, self.lives, self.end)

    @cached_property
    def linear(self) -> dict[int, Answer]:
        """Linearizability of all locks: what is wrong, by number of the lock."""
        return linear_answers(self.calls, self.spec)

    @cached_property
    def by_lock(self) -> dict[str, list[OfLock]]:
        """The other rows that name a lock, in order of time."""
        rows: dict[str, list[OfLock]] = defaultdict(list)
        for row in self.rows:
            if isinstance(row, OfLock):
                rows[row.lock].append(row)
        return rows


def read_record(history: History) -> Record:
    """Put a history's calls in the order the checkers want."""
    calls, locks = _lock_by_lock(history.calls)
    start, end, ended = trial_bounds(history)
    bounds = np.searchsorted(calls.lock, np.arange(len(locks) + 1)).astype(np.int64)
    return Record(history.header.spec, calls, locks, bounds, history.rows, start, end, ended, list(history.remarks))


def _lock_by_lock(calls: Calls) -> tuple[Calls, list[str]]:
    """The calls in order of (first use of their lock, time), locks numbered in that order."""
    if len(calls) == 0:
        return calls, [""]
    if (calls.lock == calls.lock[0]).all():
        name = calls.locks[int(calls.lock[0])]
        return calls.with_locks([name], np.broadcast_to(np.int32(0), len(calls))), [name]
    used, first, rank = np.unique(calls.lock, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    lock = place[rank]
    names = [calls.locks[int(used[number])] for number in order]
    return calls.with_locks(names, lock).take(stable_order(lock)), names


def trial_bounds(history: History) -> tuple[int, int, bool]:
    """When the trial began and ended (ns), and whether it came to its end: its rows, else first and last row."""
    marks = {row.state: row.t for row in history.rows if isinstance(row, Trial)}
    times = list(_first_and_last(history.calls, [row for row in history.rows if not isinstance(row, Ledger)]))
    first, last = (min(times), max(times)) if times else (history.header.t, history.header.t)
    return marks.get("started", first), marks.get("ended", last), "ended" in marks


def _first_and_last(calls: Calls, rows: list[Event]) -> Iterable[int]:
    if len(calls):
        yield int(calls.inv[0])
        yield int(calls.inv[-1])
        back: Any = calls.ret[calls.ret < NEVER]
        yield int(back.max(initial=int(calls.inv[-1])))
    for row in (rows[:1], rows[-1:]):
        yield from (one.t for one in row)
