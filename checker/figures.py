"""Numbers of a case worth a column: holds, overlaps, throughput, waiting, fairness, herd, availability, harm."""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from checker import availability, fairness, latency, wakes
from checker.case import MS, Case
from checker.holds import Holds
from checker.insides import Meetings
from checker.overlap import crowded
from checker.verdict import Figure
from histories.columns import ENDING


def of_case(case: Case) -> dict[str, Figure]:
    """Holds, attempts, grants per second; waiting times, fairness, wakes, availability and recovery times, each where
    there is anything to tell (see :mod:`checker.latency` and its like); lost updates where the ledger's values tell."""
    calls, acquires = case.calls, case.calls.acquires
    seconds = max(case.end - case.start, 1) / 1e9
    figures: dict[str, Figure] = {
        "holds": len(case.holds),
        "clients": len(np.unique(case.record.process[np.unique(calls.client)])),
        "refused": int((acquires & (calls.outcome == ENDING["fail"])).sum()),
        "indeterminate": int((acquires & case.doubtful).sum()),
        "grants_per_s": round(int(case.granted.sum()) / seconds, 2),
    }
    figures |= latency.of_case(case) | fairness.of_case(case) | wakes.of_case(case)
    figures |= availability.of_case(case) | availability.recovery_times(case)
    if case.spec.permits > 1 or case.spec.read_write:
        figures["most_inside"] = most_inside(case.holds)
    lost = lost_updates(case)
    if lost is not None and case.spec.permits == 1:  # who shares by right overwrites by right
        figures["lost_updates"] = lost
        figures["lost_updates_per_1000_holds"] = round(1000 * lost / max(1, len(case.holds)), 2)
    return figures


def lengths(case: Case, met: Meetings) -> NDArray[np.int64]:
    """For how long (ns) the two of each meeting were inside together."""
    left, entered = case.holds.left, case.holds.entered
    return np.minimum(left[met.first], left[met.second]) - entered[met.second]


def of_meetings(case: Case, met: Meetings) -> dict[str, Figure]:
    """How many pairs overlapped, the longest overlap, and how long two or more (of a semaphore: too many) were inside
    altogether (ms)."""
    both = lengths(case, met)
    shared = overlapped(case.holds.entered[met.second], both)
    if case.spec.permits > 1:
        both = np.array([end - start for start, end in crowded(case.holds, case.calls, case.spec)], np.int64)
        shared = int(both.sum())
    return {
        "overlaps": int(met.pairs.sum()),
        "max_overlap_ms": round(int(both.max(initial=0)) / MS, 3),
        "overlapped_ms": round(shared / MS, 3),
    }


def overlapped(start: NDArray[np.int64], length: NDArray[np.int64]) -> int:
    """For how long (ns) any of these stretches was under way; ``start`` in order."""
    if len(start) == 0:
        return 0
    end = start + length
    until = np.concatenate((start[:1], np.maximum.accumulate(end)[:-1]))
    return int(np.maximum(0, end - np.maximum(start, until)).sum())


def most_inside(holds: Holds) -> int:
    """How many holds were inside at once at most; who leaves when another enters was not inside with it."""
    steps = np.concatenate((np.ones(len(holds), np.int64), np.full(len(holds), -1)))
    order = np.lexsort((steps, np.concatenate((holds.entered, holds.left))))
    return int(np.cumsum(steps[order]).max(initial=0))


def lost_updates(case: Case) -> int | None:
    """Accepted writes that overwrote an update their writer had not read; None where the values do not tell.

    A write is taken for "read, compute, write": the attempt's latest read before it is what it was computed from.
    """
    accepted = [row for row in case.ledger if row.accepted]
    if not accepted:
        return None
    reads: dict[tuple[str, str], list[tuple[int, object]]] = {}
    for call in case.made(case.calls.is_op("read") & case.calls.ended("ok")):
        reads.setdefault((call.client, call.attempt), []).append((call.ret, call.value))
    begun = {(c.client, c.attempt, repr(c.value)): c.inv for c in case.made(case.calls.is_op("write"))}
    for read in reads.values():
        read.sort(key=itemgetter(0))
    lost, known = 0, False
    for before, row in zip([None, *accepted], accepted, strict=False):
        read = reads.get((row.client, row.attempt), [])
        seen = bisect_right(read, begun.get((row.client, row.attempt, repr(row.value)), row.t), key=itemgetter(0))
        if seen and before is not None:
            known = True
            lost += read[seen - 1][1] != before.value
    return lost if known else None
