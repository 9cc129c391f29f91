"""A case: one lock of one history, with everything derived from its rows that the properties look at."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TypeVar

from checker.calls import Call, pair
from checker.holds import Hold, build_holds
from checker.lives import Lives, read_lives
from checker.observed import Life, Observed, read_observed
from checker.verdict import FaultInForce, WitnessEvent
from checker.windows import Window, read_windows
from histories.read import History
from histories.rows import Event, Leave, Ledger, Told, Trial
from histories.spec import Spec

Key = TypeVar("Key")
Thing = TypeVar("Thing")

MS = 1_000_000
NEAR_NS = 10 * MS
"""How close a key's beginning lies to the return of its acquire, where only its time ties the two together."""


@dataclass
class Case:
    """One lock's part of a history. Times are ns; ``start`` and ``end`` are those of the trial."""

    spec: Spec
    lock: str
    calls: list[Call]
    holds: list[Hold]
    ledger: list[Ledger]
    windows: list[Window]
    observed: Observed
    lives: Lives
    start: int
    end: int
    ended: bool
    remarks: list[str] = field(default_factory=list)

    @cached_property
    def acquires(self) -> list[Call]:
        """All attempts to acquire, in order of their calls."""
        return [call for call in self.calls if call.acquires]

    @cached_property
    def releases(self) -> list[Call]:
        """All releases, in order of their calls."""
        return [call for call in self.calls if call.op == "release"]

    @cached_property
    def hold_by_attempt(self) -> dict[str, Hold]:
        """The hold of each granted attempt (re-entrant ones belong to the outermost)."""
        own = {hold.attempt: hold for hold in self.holds}
        return {call.attempt: hold for hold in self.holds for call in hold.inner} | own

    def hold_of(self, release: Call) -> Hold | None:
        """The hold a release belongs to, None where its attempt was never granted as far as its client knows."""
        return self.hold_by_attempt.get(release.attempt)

    @cached_property
    def shared_owners(self) -> frozenset[str]:
        """Owner values that more than one attempt used, so that a key's value alone does not name its attempt."""
        attempts = {(call.owner, call.attempt) for call in self.acquires if call.owner is not None}
        counts = Counter(owner for owner, _ in attempts)
        return frozenset(owner for owner, count in counts.items() if count > 1)

    def lives_of(self, call: Call) -> list[Life]:
        """The lives, on any node, of the key that this acquire made the server hold.

        By owner value, by the attempt's id where that is the mark observers see (sequential nodes), or by fencing
        token; where none of them tells attempts apart, or the key was gone before an observer could read it, by a
        beginning close to the call's return, if just one fits.
        """
        own = self._lives_by_owner.get(call.attempt) or []
        if call.owner is not None and call.owner not in self.shared_owners:
            own = own or self._lives_by_owner.get(call.owner, [])
        if own:
            return _once_per_node(own)
        if call.fence is not None:
            own = self._lives_by_fence.get(call.fence, [])
        return own or self._unnamed(call)

    def lives_by_attempt(self, attempt: str) -> list[Life]:
        """The lives of an attempt that was never granted as far as its client knows."""
        return [life for call in self._acquires_by_attempt.get(attempt, []) for life in self.lives_of(call)]

    @cached_property
    def _acquires_by_attempt(self) -> dict[str, list[Call]]:
        return _grouped((call.attempt, call) for call in self.acquires)

    @cached_property
    def _lives_by_owner(self) -> dict[str | None, list[Life]]:
        return _grouped((life.owner, life) for life in self.observed.lives)

    @cached_property
    def _lives_by_fence(self) -> dict[int | None, list[Life]]:
        return _grouped((life.fence, life) for life in self.observed.lives)

    @cached_property
    def _begun(self) -> list[Life]:
        begun = [life for life in self.observed.lives if life.began is not None]
        return sorted(begun, key=lambda life: life.began or 0)

    def _unnamed(self, call: Call) -> list[Life]:
        """Per node the life that began within 10 ms of the call's return, if no other one began within 20 ms."""
        owners = {None, call.owner} if call.owner is None or call.owner in self.shared_owners else {None}
        near: dict[str, list[Life]] = defaultdict(list)
        first = bisect_left(self._begun, call.ret - 2 * NEAR_NS, key=lambda life: life.began or 0)
        for life in islice(self._begun, first, None):
            if (life.began or 0) > call.ret + 2 * NEAR_NS:
                break
            if call.owner is None or life.owner in owners:
                near[life.node].append(life)
        only = [found[0] for found in near.values() if len(found) == 1]
        return [life for life in only if abs((life.began or 0) - call.ret) <= NEAR_NS]

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


def _once_per_node(lives: list[Life]) -> list[Life]:
    """A value that one attempt alone uses lives once on a node. Where an observer saw it end and begin again, it had
    mixed up two values, so only the first beginning and the last end count."""
    if len(lives) < 2:
        return lives
    by_node = _grouped((life.node, life) for life in lives)
    return [found[0] if len(found) == 1 else replace(found[-1], began=found[0].began) for found in by_node.values()]


def _grouped(pairs: Iterable[tuple[Key, Thing]]) -> dict[Key, list[Thing]]:
    groups: dict[Key, list[Thing]] = defaultdict(list)
    for key, thing in pairs:
        groups[key].append(thing)
    return groups


def cases(history: History) -> list[Case]:
    """One case per lock name, in order of first use."""
    remarks = list(history.remarks)
    calls = pair(history.rows, remarks)
    locks = list(dict.fromkeys(call.lock for call in calls)) or [""]
    by_lock: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_lock[call.lock].append(call)
    rows: dict[str, list[Event]] = defaultdict(list)
    for row in history.rows:
        if isinstance(row, Told | Leave | Ledger):
            rows[row.lock].append(row)
    lives = read_lives(history.rows)
    start, end, ended = bounds(history)
    windows, observed = read_windows(history.rows), read_observed(history.rows)
    return [
        Case(
            spec=history.header.spec,
            lock=lock,
            calls=by_lock[lock],
            holds=build_holds(by_lock[lock], rows[lock], lives, end),
            ledger=sorted((row for row in rows[lock] if isinstance(row, Ledger)), key=lambda row: row.seq),
            windows=windows,
            observed=observed if len(locks) == 1 else _of_lock(observed, lock),
            lives=lives,
            start=start,
            end=end,
            ended=ended,
            remarks=remarks,
        )
        for lock in locks
    ]


def bounds(history: History) -> tuple[int, int, bool]:
    """When the trial began and ended (ns), and whether it came to its end: its rows, else first and last row."""
    marks = {row.state: row.t for row in history.rows if isinstance(row, Trial)}
    times = [row.t for row in history.rows if not isinstance(row, Ledger)] or [history.header.t]
    return marks.get("started", times[0]), marks.get("ended", times[-1]), "ended" in marks


def _of_lock(observed: Observed, lock: str) -> Observed:
    lives = [life for life in observed.lives if lock in life.key]
    return Observed(lives, observed.sessions, observed.roles, observed.blind)
