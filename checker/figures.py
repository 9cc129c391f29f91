"""Numbers of a case worth a column: holds, overlaps, throughput, waiting, fairness, herd, availability, harm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checker import availability, fairness, latency, wakes
from checker.case import MS, Case
from checker.holds import Holds
from checker.insides import Meetings
from checker.overlap import crowded
from checker.updates import lost
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
    """How many updates were lost; None where the values do not tell."""
    found = lost(case)
    return None if found is None else len(found)
