"""Exact refusals of read-write locks that never lapse (CHECKERS §8).

Writers' cores force an order of writers, and each reader's core lies between two of them. So a writer can have held the
lock from its own call and the last call of a release before it, to its own last moment and the first return of a grant
after it; a reader from the call of the writer's release before it to the return of the next writer's grant. All holds
can have these longest extents at once, as far as it matters who they are: two that overlap are handed over at an
instant in both. A refused read is right if it meets a writer's extent, a refused write if it meets any.

An acquire of unknown effect that nobody releases holds to the end. A reader's then begins after the last writer; a
writer's after all others, and there is room for one, if no reader's took effect.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.linear.findings import Findings
from checker.linear.line import Line
from checker.order import Rows, firsts, latest

Column = NDArray[np.int64]

BEFORE = -(1 << 62)
NEVER = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Holds:
    """Holds in order of their cores: places of the operations that began and ended each (−1: it was never released),
    whether it only reads, its core [``start``, ``end``], and when it had ended at the latest."""

    acquire: Rows
    closing: Rows
    shared: NDArray[np.bool_]
    start: Column
    end: Column
    freed: Column

    def take(self, chosen: NDArray[Any]) -> Holds:
        """Some of them."""
        return Holds(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Ghosts:
    """Acquires of unknown effect that nobody releases: places, whether they read, and since when they may have held."""

    place: Rows
    shared: NDArray[np.bool_]
    inv: Column


@dataclass(frozen=True, slots=True, eq=False)
class Extents:
    """In order of ``start``: ``hold`` is which of the holds; ``reach`` the largest end up to there, of hold ``far``."""

    start: Column
    hold: Rows
    reach: Column
    far: Rows

    def around(self, inv: Column, ret: Column) -> tuple[NDArray[np.bool_], Rows, Rows]:
        """Whether [``inv``, ``ret``] meets an extent; otherwise the hold before and the hold after it, −1 for none."""
        after = np.searchsorted(self.start, ret, side="right")
        left = np.append(self.far, -1)[after - 1]
        right = np.append(self.hold, -1)[after]
        met = (after > 0) & (np.append(self.reach, BEFORE)[after - 1] >= inv)
        return met, np.where(after > 0, left, -1), right


def refused_wrongly(
    line: Line, holds: Holds, ghosts: Ghosts, tries: Rows, shared: NDArray[np.bool_], findings: Findings
) -> None:
    """``tries``: places of the refused tries, of locks in which all else is right."""
    start, end = _longest_extents(line, holds)
    reads = shared[tries]
    wrong = np.zeros(len(tries), bool)
    left, right = np.full(len(tries), -1), np.full(len(tries), -1)
    for read, among in ((True, np.flatnonzero(~holds.shared)), (False, np.arange(len(holds.shared)))):
        own = reads == read
        extents = _extents(start[among], end[among], among)
        met, left[own], right[own] = extents.around(line.inv[tries[own]], line.ret[tries[own]])
        wrong[own] = ~met
    tries, left, right, reads = tries[wrong], left[wrong], right[wrong], reads[wrong]
    reader, writer = _ghosts_since(line, holds, ghosts)
    lock = line.lock_of(tries)
    with_readers = reads | (line.ret[tries] < reader[lock])
    with_writer = line.ret[tries] < writer[lock]
    _report(line, holds, tries, left, right, with_readers, with_writer, findings)


def _longest_extents(line: Line, holds: Holds) -> tuple[Column, Column]:
    """When each hold can have begun, and ended. The locks' stretches keep apart what belongs to different ones."""
    inv, grant, release = line.inv[holds.acquire], holds.start, holds.end
    writers, readers = np.flatnonzero(~holds.shared), np.flatnonzero(holds.shared)
    phase = np.searchsorted(release[writers], grant[readers], side="right")
    released = np.full(len(writers) + 1, BEFORE)
    np.maximum.at(released, phase, release[readers])
    granted = np.full(len(writers) + 1, NEVER)
    np.minimum.at(granted, phase, grant[readers])
    start, end = inv.copy(), holds.freed.copy()
    before = np.concatenate(([BEFORE], release[writers]))
    after = np.append(grant[writers], NEVER)
    start[readers] = np.maximum(start[readers], before[phase])
    end[readers] = np.minimum(end[readers], after[phase])
    earlier = np.maximum(before[:-1], np.maximum.accumulate(released)[:-1])
    later = np.minimum(after[1:], np.minimum.accumulate(granted[::-1])[::-1][1:])
    start[writers] = np.maximum(start[writers], earlier)
    end[writers] = np.minimum(end[writers], later)
    return start, end


def _extents(start: Column, end: Column, hold: Rows) -> Extents:
    order = np.argsort(start, kind="stable")
    start, end, hold = start[order], end[order], hold[order]
    reach = np.maximum.accumulate(end)
    longer = np.append(True, end[1:] > reach[:-1])[: len(end)]
    far = hold[latest(longer)]
    return Extents(start, hold, reach, far)


def _ghosts_since(line: Line, holds: Holds, ghosts: Ghosts) -> tuple[Column, Column]:
    """Per lock, since when a reader's ghost, or else a writer's, can have held it: NEVER where none can."""
    last = np.full(len(line.locks), BEFORE)
    last_writer = last.copy()
    lock = line.lock_of(holds.acquire)
    end = np.where(holds.closing < 0, NEVER, holds.end)
    np.maximum.at(last, lock, end)
    np.maximum.at(last_writer, lock[~holds.shared], end[~holds.shared])
    reader = np.full(len(line.locks), NEVER)
    writer = reader.copy()
    lock = line.lock_of(ghosts.place)
    np.minimum.at(reader, lock[ghosts.shared], ghosts.inv[ghosts.shared])
    np.minimum.at(writer, lock[~ghosts.shared], ghosts.inv[~ghosts.shared])
    return np.maximum(reader, last_writer), np.maximum(writer, last)


def _report(line: Line, holds: Holds, tries: Rows, left: Rows, right: Rows, with_readers: NDArray[np.bool_],
            with_writer: NDArray[np.bool_], findings: Findings) -> None:  # fmt: skip
    """What is wrong whichever ghosts took effect: one refusal, or one for each case."""
    lock = line.lock_of(tries)
    both = with_readers & with_writer
    before = np.where(left >= 0, np.append(holds.closing, -1)[left], -1)
    after = np.where(right >= 0, np.append(holds.acquire, -1)[right], -1)
    for column in (before, after):
        column[line.lock_of(column) != lock] = -1
    at = np.flatnonzero(both)
    why = "{0} was refused although nobody whom that needs can have held it then"
    findings.add("refused-while-free", why, line.ret[tries[at]], tries[at], before[at], after[at])
    rest = ~np.isin(lock, lock[both])
    one, other = np.flatnonzero(with_readers & rest), np.flatnonzero(with_writer & rest)
    one, other = one[firsts(lock[one])], other[firsts(lock[other])]
    _, i, j = np.intersect1d(lock[one], lock[other], assume_unique=True, return_indices=True)
    why = "{0} and {1} were refused, and no acquire of unknown effect explains both"
    findings.add("refused-while-free", why, line.ret[tries[one[i]]], tries[one[i]], tries[other[j]])
