"""A case: one lock of one history, with everything derived from its rows that the properties look at.

What concerns every call is in columns (``calls``, ``holds``); single calls and holds are made into objects where a
witness, an observer's row or a report asks for them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from checker.belongings import belongings
from checker.grouped import grouped
from checker.holds import WHYS, Hold, Holds
from checker.insides import Meetings
from checker.keys import Keys
from checker.leases import Leases, read_leases
from checker.lives import Lives
from checker.observed import Observed
from checker.order import stable_order
from checker.overlap import Overlap
from checker.record import OfLock, Record, read_record
from checker.underway import Underway
from checker.verdict import FaultInForce, WitnessEvent
from checker.windows import Window
from histories.columns import Call, Calls
from histories.labels import NO_NAME
from histories.read import History
from histories.rows import Effect, Leave, Ledger, Told
from histories.spec import Spec

MS = 1_000_000


def in_ms(length: int) -> str:
    """A length in ns as ms, for a sentence."""
    return f"{length / MS:.0f} ms" if length >= MS else f"{length / MS:.3g} ms"


@dataclass(frozen=True)
class Unexplained:
    """Calls that no order of effects explains (``valid`` False), or of which that is undecided (None)."""

    valid: bool | None
    kind: str
    why: str
    calls: list[Call]


@dataclass
class Case:
    """One lock's part of a history. Times are ns; ``start`` and ``end`` are those of the trial. ``number``: which of
    the record's locks. Rows of ``calls`` and numbers of ``holds`` count within the case."""

    record: Record
    number: int
    lock: str
    calls: Calls
    holds: Holds
    observed: Observed
    _made: dict[int, Hold] = field(default_factory=dict)

    @property
    def spec(self) -> Spec:
        """What the lock promised."""
        return self.record.spec

    @property
    def windows(self) -> list[Window]:
        """The fault windows, in order of asking."""
        return self.record.windows

    @property
    def lives(self) -> Lives:
        """What happened to client processes."""
        return self.record.lives

    @property
    def start(self) -> int:
        """When the trial began, ns."""
        return self.record.start

    @property
    def end(self) -> int:
        """When the trial ended, ns."""
        return self.record.end

    @cached_property
    def ledger(self) -> list[Ledger]:
        """The ledger's decisions, in its own order."""
        return sorted((row for row in self._rows if isinstance(row, Ledger)), key=lambda row: row.seq)

    @cached_property
    def effects(self) -> list[Effect]:
        """What resources did under this lock, in their own order."""
        return sorted((row for row in self._rows if isinstance(row, Effect)), key=lambda row: row.seq)

    @property
    def _rows(self) -> list[OfLock]:
        return self.record.by_lock[self.lock]

    @cached_property
    def granted(self) -> NDArray[np.bool_]:
        """Which calls are granted acquires."""
        return self.calls.acquires & self.calls.ended("ok")

    @cached_property
    def doubtful(self) -> NDArray[np.bool_]:
        """Which calls are of unknown effect."""
        return self.calls.ended("info") | self.calls.ended("open")

    def client(self, number: int | np.integer) -> str:
        """The name of a client."""
        return self.record.clients[int(number)]

    def made(self, rows: Iterable[int] | NDArray[np.intp] | NDArray[np.bool_]) -> Iterator[Call]:
        """Some calls (rows or a mask) as objects."""
        if isinstance(rows, np.ndarray):
            rows = (np.flatnonzero(rows) if rows.dtype == bool else rows).tolist()
        return (self.calls.call(row) for row in rows)

    @cached_property
    def attempts(self) -> NDArray[np.intp]:
        """The rows of the attempts to acquire."""
        return self._asking[0]

    @cached_property
    def decided(self) -> NDArray[np.intp]:
        """The rows of the attempts that were granted or refused, in order of their returns."""
        rows = self.attempts[~self.doubtful[self.attempts]]
        return rows[np.argsort(self.calls.ret[rows], kind="stable")]

    @cached_property
    def releases(self) -> NDArray[np.intp]:
        """The rows of the releases."""
        return np.flatnonzero(self.calls.is_op("release"))

    def releases_between(self, start: int, end: int) -> Iterator[Call]:
        """The releases that were under way somewhere in [start, end] (ns)."""
        return self.made(self.releases[self._releasing.meeting(start, end)])

    @cached_property
    def _releasing(self) -> Underway:
        return Underway(self.calls.inv[self.releases], self.calls.ret[self.releases])

    def hold(self, number: int) -> Hold:
        """One hold as an object; always the same one."""
        if number not in self._made:
            self._made[number] = self._make(number)
        return self._made[number]

    def all_holds(self) -> Iterator[Hold]:
        """All holds as objects, in order of entering."""
        return (self.hold(number) for number in range(len(self.holds)))

    @property
    def belongs(self) -> NDArray[np.int64]:
        """Per call the number of the hold it belongs to, or −1."""
        return self._belongs[0]

    @cached_property
    def _belongs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(hold of each call or −1, rows in order of it, where each hold's begin there)."""
        owner = belongings(self.calls, self.holds, np.arange(len(self.calls)))
        order = stable_order(owner + 1)
        return owner, order, np.searchsorted(owner[order], np.arange(len(self.holds) + 1))

    def _make(self, number: int) -> Hold:
        _, order, begins = self._belongs
        acquire = self.calls.call(int(self.holds.acquire[number]))
        hold = Hold(number, acquire.client, acquire.attempt, acquire, int(self.holds.left[number]),
                    WHYS[self.holds.why[number]])  # fmt: skip
        for row in order[begins[number] : begins[number + 1]].tolist():
            call = self.calls.call(row)
            if call.acquires and row != acquire.row:
                hold.inner.append(call)
            elif call.op in {"read", "write"}:
                hold.ledger.append(call)
            elif call.op == "renew":
                hold.renewals.append(call)
            elif call.op == "release":
                hold.releases.append(call)
        for row in self._notes.get(number, []):
            if isinstance(row, Told):
                hold.told.append(row)
            elif hold.leave is None:
                hold.leave = row
        return hold

    def holds_between(self, start: int, end: int) -> NDArray[np.intp]:
        """The numbers of the holds whose insides meet [start, end] (ns), in order of entering."""
        return self._inside.meeting(start, end)

    @cached_property
    def _inside(self) -> Underway:
        return Underway(self.holds.entered, self.holds.left)

    def acquires_between(self, start: int, end: int) -> NDArray[np.intp]:
        """The rows of the attempts to acquire that were under way somewhere in [start, end] (ns)."""
        return self.attempts[self._asking[1].meeting(start, end)]

    @cached_property
    def _asking(self) -> tuple[NDArray[np.intp], Underway]:
        rows, underway = self.record.asking(self.number)
        return rows - int(self.record.bounds[self.number]), underway

    def holds_told(self) -> Iterator[Hold]:
        """The holds whose clients were told of a loss, in order of entering."""
        return (self.hold(number) for number in sorted(self._notes) if number >= 0 and self.hold(number).told)

    @cached_property
    def _notes(self) -> dict[int, list[Told | Leave]]:
        """Told and leave rows by the hold they belong to."""
        notes: dict[int, list[Told | Leave]] = defaultdict(list)
        for row in self._rows:
            if isinstance(row, Told | Leave):
                number = self.hold_number(row.attempt)
                notes[self._latest(row.client, row.t) if number is None else number].append(row)
        return notes

    def _latest(self, client: str, t: int) -> int:
        """The number of the client's hold that is open at ``t``, else −1."""
        own = self._holds_of.get(self.record.client_numbers.get(client, -1), [])
        at = bisect_right(own, t, key=lambda number: int(self.holds.entered[number])) - 1
        return own[at] if at >= 0 and t <= self.holds.left[own[at]] else -1

    @cached_property
    def _holds_of(self) -> dict[int, list[int]]:
        """The numbers of each client's holds, one after the other."""
        return grouped(zip(self.holds.client.tolist(), range(len(self.holds)), strict=True))

    @cached_property
    def meetings(self) -> Meetings:
        """Which insides met."""
        first, last = self.record.hold_bounds[self.number : self.number + 2].tolist()
        return self.record.meetings.between(first, last)

    def overlaps(self) -> Iterator[Overlap]:
        """For every hold that entered beside others, its longest overlap, in order of time."""
        for first, second in zip(self.meetings.first.tolist(), self.meetings.second.tolist(), strict=True):
            yield self.overlap(first, second)

    def overlap(self, first: int, second: int) -> Overlap:
        """Two holds that met."""
        return Overlap(self.hold(first), self.hold(second))

    @cached_property
    def linear(self) -> Unexplained | None:
        """What no order of effects explains, None where one does."""
        answer = self.record.linear.get(self.number)
        if answer is None:
            return None
        begin = int(self.record.bounds[self.number])
        calls = [self.calls.call(row - begin) for row in answer.witness]
        return Unexplained(answer.valid, answer.kind, answer.why.format(*(call.client for call in calls)), calls)

    @cached_property
    def leases(self) -> Leases:
        """How long each hold's lease was alive."""
        return read_leases(self.calls, self.holds, self.spec)

    @cached_property
    def _numbers(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(keys of granted attempts in order, the hold of each)."""
        rows = np.flatnonzero(self.granted)
        keys = self.calls.attempt.keys[rows]
        order = np.argsort(keys, kind="stable")
        return keys[order], self._belongs[0][rows[order]]

    @cached_property
    def attempt_key(self) -> Callable[[str | None], int]:
        """A function from an attempt's id to its key in the columns."""
        return self.calls.attempt.finder()

    def hold_number(self, attempt: str) -> int | None:
        """The number of the hold of a granted attempt (re-entrant ones belong to the outermost)."""
        key = self.attempt_key(attempt)
        keys, numbers = self._numbers
        at = int(np.searchsorted(keys, key, side="right")) - 1
        return int(numbers[at]) if key != NO_NAME and at >= 0 and keys[at] == key else None

    def hold_by_attempt(self, attempt: str) -> Hold | None:
        """The hold of a granted attempt, None for one that was never granted as far as its client knows."""
        number = self.hold_number(attempt)
        return None if number is None else self.hold(number)

    @cached_property
    def keys(self) -> Keys:
        """Which of the keys that observers saw were whose."""
        return Keys(self.calls, self.observed, self.attempt_key)

    def at_ms(self, t: int) -> float:
        """A time as ms since the trial began."""
        return round((t - self.start) / MS, 3)

    def event(self, t: int, who: str, what: str, row: str, attempt: str | None = None) -> WitnessEvent:
        """A witness event."""
        return WitnessEvent(t=t, at_ms=self.at_ms(t), who=who, what=what, row=row, attempt=attempt)

    def in_force(self, start: int, end: int) -> list[FaultInForce]:
        """The faults whose windows meet [start, end]."""
        return [
            FaultInForce(
                fault=window.fault,
                name=window.name,
                targets=window.targets,
                from_ms=self.at_ms(window.asked),
                to_ms=self.at_ms(window.healed) if window.healed <= self.end else None,
                evidence=window.evidence,
            )
            for window in self.windows
            if window.meets(start, end)
        ]


def cases(history: History) -> list[Case]:
    """One case per lock name, in order of first use."""
    return cases_of(read_record(history))


def cases_of(record: Record) -> list[Case]:
    """One case per lock of a record."""
    observed = _by_lock(record.observed, record.locks)
    return [_case(record, number, name, observed[number]) for number, name in enumerate(record.locks)]


def _case(record: Record, number: int, name: str, observed: Observed) -> Case:
    begin, end = record.bounds[number : number + 2].tolist()
    first, last = record.hold_bounds[number : number + 2].tolist()
    holds = record.holds.take(slice(first, last))
    if begin:
        holds = replace(holds, acquire=holds.acquire - begin)
    return Case(record, number, name, record.calls.take(slice(begin, end)), holds, observed)


def _by_lock(observed: Observed, locks: list[str]) -> list[Observed]:
    """What observers saw, with the lives of the keys that hold each lock's name."""
    if len(locks) == 1 or not observed.lives:
        return [observed] * len(locks)
    by_key = grouped((life.key, number) for number, life in enumerate(observed.lives))
    found = [sorted(chain.from_iterable(by_key[key] for key in by_key if lock in key)) for lock in locks]
    return [
        Observed([observed.lives[number] for number in own], observed.sessions, observed.roles, observed.blind)
        for own in found
    ]
