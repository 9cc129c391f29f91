"""Holds: who was granted a lock, for how long it was inside, and how it left; as columns, for all locks at once.

A client is *inside* from its outermost acquire's return until the earliest of its outermost release call, its
``leave`` row, its kill, the end of the trial (DESIGN §4). Knowing of a loss is not leaving.

Per client and lock, granted acquires go one deeper, release calls one up (never above the surface), and leaving goes
all the way up: then the holds are the stretches below the surface. A release that belongs to an earlier hold, because
its client repeats it, moves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.order import begins, by_time, latest, stable_order, taken
from histories.columns import ENDING, OP, Call, Calls
from histories.rows import Leave, Told

WHYS = ("released", "killed", "end", "told", "deadline", "retired", "abandoned")
"""How a hold can end: its release, its client's kill, the end of the trial, or a leave row's reason."""

RELEASED, KILLED, END = range(3)

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Holds:
    """n holds in order of (lock, ``entered``, ``left``), each column of length n.

    ``lock``, ``client``: numbers. ``acquire``: row of the outermost acquire. ``entered``, ``left``: the inside, ns.
    ``why``: index into WHYS.
    """

    lock: NDArray[np.int32]
    client: NDArray[np.int32]
    acquire: Ints
    entered: Ints
    left: Ints
    why: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.entered)

    def take(self, chosen: NDArray[Any] | slice) -> Holds:
        """Some of the holds, in the order chosen (rows or a mask)."""
        if isinstance(chosen, slice) or chosen.dtype == np.bool_:
            return Holds(*(getattr(self, field.name)[chosen] for field in fields(self)))
        return Holds(*(taken(getattr(self, field.name), chosen) for field in fields(self)))


@dataclass(slots=True)
class Hold:
    """One hold as an object, with everything that belongs to it.

    ``number``: its place among its lock's holds. ``why_left``: see WHYS. ``releases``: every release call of it,
    repeated ones too. ``inner``: re-entrant acquires granted while inside. ``ledger``: its reads and writes there.
    """

    number: int
    client: str
    attempt: str
    acquire: Call
    left: int
    why_left: str = "end"
    releases: list[Call] = field(default_factory=list)
    renewals: list[Call] = field(default_factory=list)
    inner: list[Call] = field(default_factory=list)
    ledger: list[Call] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    leave: Leave | None = None

    @property
    def entered(self) -> int:
        """When the acquire returned, ns."""
        return self.acquire.ret

    @property
    def owner(self) -> str | None:
        """The owner value the server holds for it, where known."""
        return self.acquire.owner

    @property
    def fence(self) -> int | None:
        """Its fencing token."""
        return self.acquire.fence


@dataclass(frozen=True, slots=True)
class Departure:
    """A leave row: which client (number) left which lock (number) at ``t`` (ns), ``why`` (index into WHYS), and the key
    of the attempt it spoke of."""

    client: int
    lock: int
    t: int
    why: int
    attempt: int


def build_holds(calls: Calls, departures: Sequence[Departure], gone: Ints, killed: NDArray[np.bool_]) -> Holds:
    """The holds of all locks.

    ``gone``: per client number when it was killed or the trial ended (ns); ``killed``: which of the two.
    """
    left = _by_group_of(departures, len(calls.clients))
    parts = [_part(_steps(calls, rows, left), len(calls.clients), gone, killed) for rows in _batches(calls)]
    holds = Holds(*(np.concatenate(columns) for columns in zip(*map(_columns, parts), strict=True)))
    return holds.take(_in_order(holds.lock, holds.entered, holds.left))


def _batches(calls: Calls) -> Iterator[NDArray[Any]]:
    """Rows of granted acquires and releases, group by group, some clients at a time: clients do not depend on each
    other, and small columns stay in the processor's cache."""
    rows = np.flatnonzero(calls.is_op("release") | (calls.acquires & (calls.outcome == ENDING["ok"])))
    group = _groups(calls, rows)
    order = stable_order(group)
    rows, group = taken(rows, order), taken(group, order)
    del order
    begin = 0
    while True:
        end = begin + BATCH
        if end < len(rows):
            end = int(np.searchsorted(group, group[end], side="right"))
        yield rows[begin:end]
        begin = end
        if begin >= len(rows):
            return


def _part(steps: _Steps, clients: int, gone: Ints, killed: NDArray[np.bool_]) -> Holds:
    """The holds of some clients."""
    depth, opens = _depths(steps)
    stale = _stale(steps, opens)
    while len(stale):
        depth, opens = _depths(_without(steps, stale))
        # Which hold an attempt belongs to depends on what was stale before it; each round gets at least one more right.
        before, stale = stale, _stale(steps, opens)
        if np.array_equal(before, stale):
            break
    closes = np.flatnonzero((depth == 0) & (_before(steps, depth) > 0))
    at = np.minimum(np.searchsorted(closes, opens), max(0, len(closes) - 1))
    end = closes[at] if len(closes) else np.zeros(len(opens), np.int64)
    client = (steps.group[opens] % max(1, clients)).astype(np.int32)
    entered = steps.t[opens]
    limit = np.maximum(gone[client], entered)
    by_itself = (end > opens) & (steps.group[end] == steps.group[opens]) & (steps.t[end] < limit)
    left = np.where(by_itself, np.maximum(steps.t[end], entered), limit)
    why = np.where(by_itself, steps.why[end], np.where(killed[client], KILLED, END)).astype(np.uint8)
    lock = (steps.group[opens] // max(1, clients)).astype(np.int32)
    return Holds(lock, client, steps.row[opens], entered, left, why)


def _columns(holds: Holds) -> tuple[NDArray[Any], ...]:
    return tuple(getattr(holds, field.name) for field in fields(holds))


def _in_order(lock: NDArray[np.int32], entered: Ints, left: Ints) -> NDArray[np.intp]:
    """The order of (lock, entered, left)."""
    order = by_time(entered)
    ranked = entered[order]
    if (ranked[1:] == ranked[:-1]).any():
        order = np.lexsort((left, entered))
    one = len(lock) == 0 or (lock == lock[0]).all()
    return order if one else order[stable_order(lock[order])]


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """What moves a client in or out, in order of (``group``, ``t``). ``group``: lock · clients + client. ``first``: of
    its group. ``row``: of the call, −1 for a departure. ``attempt``: its key. ``move``: +1, −1, ALL_THE_WAY, or 0."""

    group: NDArray[Any]
    t: Ints
    row: Ints
    attempt: Ints
    move: NDArray[np.int8]
    why: NDArray[np.uint8]
    first: NDArray[np.bool_]


ALL_THE_WAY = -2
BATCH = 1 << 18
"""About how many steps are looked at in one go."""
Columns = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
"""Group, t, row, attempt, move, why."""


def _by_group_of(departures: Sequence[Departure], clients: int) -> dict[int, list[Departure]]:
    left: dict[int, list[Departure]] = defaultdict(list)
    for departure in departures:
        left[departure.lock * clients + departure.client].append(departure)
    return left


def _steps(calls: Calls, rows: NDArray[Any], left: Mapping[int, Sequence[Departure]]) -> _Steps:
    """The steps of whole groups, whose rows come group by group in order of calling."""
    group = _groups(calls, rows)
    enters = taken(calls.outcome, rows) == ENDING["ok"]
    enters &= taken(calls.op, rows) != OP["release"]
    t = np.where(enters, taken(calls.ret, rows), taken(calls.inv, rows))
    if ((t[1:] < t[:-1]) & (group[1:] == group[:-1])).any():
        # Calls of one client that overlap; hardly ever.
        order = np.lexsort((t, group))
        rows, group, t, enters = rows[order], group[order], t[order], enters[order]
    move = enters.view(np.int8) * np.int8(2) - np.int8(1)
    columns: Columns = (group, t, rows, calls.attempt.keys[rows], move, np.zeros(len(rows), np.uint8))
    if left:
        own = [departure for number in np.unique(group).tolist() for departure in left.get(number, ())]
        columns = _with_departures(len(calls.clients), own, columns) if own else columns
    group, t, rows, attempt, move, why = columns
    return _Steps(group, t, rows, attempt, move, why, begins(group))


def _groups(calls: Calls, rows: NDArray[np.intp]) -> NDArray[Any]:
    """Per call a number for its lock and client: lock · clients + client."""
    if len(calls.locks) * len(calls.clients) >= 1 << 31:
        return calls.lock[rows].astype(np.int64) * len(calls.clients) + calls.client[rows]
    if len(calls.locks) == 1:
        return calls.client[rows]
    return calls.lock[rows] * np.int32(len(calls.clients)) + calls.client[rows]


def _with_departures(clients: int, departures: Sequence[Departure], columns: Columns) -> Columns:
    """Departures among the steps; at equal times they come last."""
    more: Columns = (
        np.array([d.lock * clients + d.client for d in departures], np.int64),
        np.array([d.t for d in departures], np.int64),
        np.full(len(departures), -1, np.int64),
        np.array([d.attempt for d in departures], np.int64),
        np.full(len(departures), ALL_THE_WAY, np.int8),
        np.array([d.why for d in departures], np.uint8),
    )
    joined = [np.concatenate((ours, theirs)) for ours, theirs in zip(columns, more, strict=True)]
    group, t, row, attempt, move, why = joined
    order = np.lexsort((row < 0, t, group))
    return group[order], t[order], row[order], attempt[order], move[order], why[order]


def _before(steps: _Steps, depth: NDArray[Any]) -> NDArray[Any]:
    """How deep each client was before each step."""
    before = np.zeros_like(depth)
    before[1:] = depth[:-1]
    before[steps.first] = 0
    return before


def _depths(steps: _Steps) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """(how deep each client is after each step, the steps that open a hold).

    A sum that never goes below zero (D. Lindley, 1952), begun anew by each group and after each departure.
    """
    enters = steps.move > 0
    turns = (enters[1:] != enters[:-1]) | steps.first[1:]
    if turns.all() and enters[steps.first].all() and steps.move.all():
        # In and out by turns, as nearly everybody goes. (A departure is then the only way out of its hold.)
        return enters.view(np.int8), np.flatnonzero(enters)
    up = steps.move == ALL_THE_WAY
    move = np.where(up, 0, steps.move)
    total = np.cumsum(move, dtype=np.int64)
    starts = steps.first.copy()
    starts[1:] |= up[:-1]
    segment = np.cumsum(starts) - 1
    level = total - (total - move)[starts][segment]
    # Each segment lies far below the one before, so that the running minimum begins anew with it.
    apart = segment * np.int64(2 * len(level) + 2)
    depth = level - (np.minimum.accumulate(np.minimum(level, 0) - apart) + apart)
    depth[up] = 0
    return depth, np.flatnonzero((move > 0) & (depth == 1))


def _without(steps: _Steps, stale: NDArray[np.intp]) -> _Steps:
    """The same steps, of which some move nothing."""
    move = steps.move.copy()
    move[stale] = 0
    return replace(steps, move=move)


def _stale(steps: _Steps, opens: NDArray[np.intp]) -> NDArray[np.intp]:
    """Releases and departures that speak of an attempt whose hold was over before the client's latest one opened."""
    places = np.arange(len(steps.move))
    granted_last = latest((steps.move > 0) | steps.first)
    odd = np.flatnonzero((steps.move < 0) & (steps.attempt != steps.attempt[granted_last]))
    if len(odd) == 0:
        return odd
    hold = np.searchsorted(opens, places, side="right")
    grants = np.flatnonzero(steps.move > 0)
    names = zip(steps.group[grants].tolist(), steps.attempt[grants].tolist(), strict=True)
    granted = dict(zip(names, hold[grants].tolist(), strict=True))
    asked = zip(steps.group[odd].tolist(), steps.attempt[odd].tolist(), hold[odd].tolist(), strict=True)
    return odd[[granted.get((group, name), now) < now for group, name, now in asked]]
