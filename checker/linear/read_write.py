"""A read-write lock: many readers or one writer (CHECKERS §8). Many locks in one sweep, O(n log n).

Like the owner mutex: what a client holds is told by its own operations (a client may read several times at once), and
no writer's core may meet any other core. A client's reads and its writes are as independent as two clients'.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checker.linear.cluster import Decide
from checker.linear.depths import Depths, depths, holders
from checker.linear.findings import Findings
from checker.linear.line import Line, on_one_line
from checker.linear.nested import nested
from checker.linear.operations import A, Answers, C, F, Operations, R
from checker.linear.read_write_refusals import Ghosts, Holds, refused_wrongly
from checker.linear.whole_lock import WENT_ON, hard, with_hard
from checker.order import Rows

Flags = NDArray[np.bool_]

_WHAT = ("write", "read")


def read_write(operations: Operations, *, fair: bool = False, decide: Decide | None = None) -> Answers:
    """What is wrong with read-write locks that begin free and never lapse; ``operations.shared`` marks readers.

    ``fair``: the lock may refuse a reader because a writer waits, so readers' refusals say nothing. Exact, but for
    clients that went on after a result of unknown effect in a few ways (:attr:`Marks.uneven`; with refused tries,
    :attr:`Marks.tied` and :attr:`Marks.paired`): ``decide`` judges those locks; without it they are undecided.
    """
    line = on_one_line(operations)
    if len(line) == 0:
        return {}
    shared = operations.shared if line.rows is None else operations.shared[line.rows]
    findings = Findings(line)
    own = depths(line, holders(line, shared))
    _contradictions(line, own, shared, findings)
    uneven, loose = (
        own.place[own.of(marked)] for marked in (own.marks.uneven, np.union1d(own.marks.tied, own.marks.paired))
    )
    holds = _holds(line, own, shared, uneven)
    _cores(line, holds, findings)
    _flashes(line, own, shared, holds, findings)
    tries = np.flatnonzero((line.letter == F) & ~(shared & fair))
    tied = np.concatenate((uneven, loose[np.isin(line.lock_of(loose), line.lock_of(tries))]))
    certain = np.ones(len(line.locks), bool)
    certain[line.lock_of(tied)] = False
    certain[list(findings.locks())] = False
    tries = tries[certain[line.lock_of(tries)]]
    if len(tries):
        asked = np.zeros(len(line.locks), bool)
        asked[line.lock_of(tries)] = True
        own_holds = holds.take(asked[line.lock_of(holds.acquire)])
        refused_wrongly(line, own_holds, _ghosts(line, own, shared, asked), tries, shared, findings)
    return with_hard(findings.answers(), operations, line, hard(line, tied, WENT_ON), decide)


def _contradictions(line: Line, own: Depths, shared: Flags, findings: Findings) -> None:
    """What a client's own operations show."""
    at = own.place[own.wrong]
    findings.add("release-not-held", "{0} released what it did not hold", line.ret[at], at)
    at = own.place[own.refused_release()]
    findings.add("lost-lock", "{0} was told that what it held is not held", line.ret[at], at)
    twice = np.flatnonzero((own.before > 0) & (own.letter == A))
    twice = twice[~shared[own.place[twice]] & ~np.isin(own.holder(twice), own.marks.uneven)]
    at = own.place[twice]
    findings.add("double-grant", "{0} was granted it twice, to write", line.ret[at], at, own.entered(twice))


def _holds(line: Line, own: Depths, shared: Flags, uneven: Rows) -> Holds:
    """The holds that certainly were, in order of their cores."""
    found = nested(line, own)
    closed = found.closing >= 0
    end = line.never[line.lock_of(found.acquire)]
    end[closed] = line.inv[found.closing[closed]]
    start = line.ret[found.acquire]
    order = np.lexsort((end, start))
    order = order[~np.isin(found.acquire[order], uneven)]
    acquire = found.acquire[order]
    return Holds(acquire, found.closing[order], shared[acquire], start[order], end[order], found.freed[order])


def _cores(line: Line, holds: Holds, findings: Findings) -> None:
    """Cores that meet one that began before, where not both read."""
    by_all = _longest(holds.end)
    by_writer = _longest(np.where(holds.shared, -1, holds.end))
    for reads, before in ((False, by_all), (True, by_writer)):
        later = np.flatnonzero(holds.shared == reads)
        first = before[later]
        meet = (first >= 0) & (holds.end[first] > holds.start[later])
        later, first = later[meet], first[meet]
        for read in (False, True):
            one = holds.shared[first] == read
            i, j = first[one], later[one]
            why = f"{{0}} certainly held it to {_WHAT[read]} when {{1}} was granted it to {_WHAT[reads]}"
            findings.add("double-grant", why, holds.start[j], holds.acquire[i], holds.acquire[j], holds.closing[i],
                         holds.closing[j])  # fmt: skip


def _longest(end: NDArray[np.int64]) -> Rows:
    """Of the rows before each, the one with the largest ``end``, −1 for none."""
    if len(end) == 0:
        return np.empty(0, np.intp)
    most = np.concatenate(([-1], np.maximum.accumulate(end)[:-1]))
    return np.maximum.accumulate(np.concatenate(([-1], np.where(end > most, np.arange(len(end)), -1)[:-1])))


def _flashes(line: Line, own: Depths, shared: Flags, holds: Holds, findings: Findings) -> None:
    """A hold that needs an instant only needs one outside of all cores that it may not meet."""
    for reads in (False, True):
        flash = own.place[own.flash]
        flash = flash[shared[flash] == reads]
        blocking = holds.take(~holds.shared) if reads else holds
        begins, ends = _merged(blocking)
        run = np.searchsorted(begins, line.inv[flash], side="left") - 1
        inside = (run >= 0) & (np.append(ends, -1)[run] > line.ret[flash])
        for place in flash[inside].tolist():
            cover = _cover(blocking, int(line.inv[place]), int(line.ret[place]))
            others = " and ".join(f"{{{number}}}" for number in range(1, len(cover) + 1))
            released = line.letter[place] == R
            kind, what = ("foreign-release", "released") if released else ("double-grant", "was granted")
            witness = [place, *blocking.acquire[cover], *blocking.closing[cover]]
            shown = [np.array([one]) for one in witness if one >= 0]
            findings.add(kind, f"{{0}} {what} it while {others} certainly held it", line.ret[[place]], *shown)


def _merged(holds: Holds) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Times in which there is always a core, without the instants at which only ends and beginnings touch."""
    reach = np.maximum.accumulate(holds.end)
    fresh = np.append(True, holds.start[1:] >= reach[:-1])[: len(reach)]
    begin = np.flatnonzero(fresh)
    return holds.start[begin], reach[np.append(begin, len(reach))[1:] - 1]


def _cover(holds: Holds, inv: int, ret: int) -> list[int]:
    """The fewest cores that leave no instant of [``inv``, ``ret``] free."""
    cover: list[int] = []
    reach = inv
    while not cover or reach <= ret:
        begun = int(np.searchsorted(holds.start, reach, side="left"))
        cover.append(int(np.argmax(holds.end[:begun])))
        reach = int(holds.end[cover[-1]])
    return cover


def _ghosts(line: Line, own: Depths, shared: Flags, asked: Flags) -> Ghosts:
    """Acquires of unknown effect, with the moment after which they happened, if at all."""
    lost, told = own.told()
    since = dict(zip(own.place[lost].tolist(), line.inv[own.place[told]].tolist(), strict=True))
    place = own.place[own.lost]
    place = np.sort(place[(line.letter[place] == C) & asked[line.lock_of(place)]])
    inv = np.array(
        [since.get(one, inv) for one, inv in zip(place.tolist(), line.inv[place].tolist(), strict=True)], np.int64
    )
    return Ghosts(place, shared[place], inv)
