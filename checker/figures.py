"""Numbers of a case worth a column: holds, overlaps, waiting, throughput, lost updates."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from checker.calls import NEVER
from checker.case import MS, Case
from checker.overlap import Overlap
from checker.verdict import Figure


def of_case(case: Case) -> dict[str, Figure]:
    """Holds, attempts, waiting times (ms) and grants per second; lost updates where the ledger's values tell."""
    granted = [call for call in case.acquires if call.outcome == "ok"]
    seconds = max(case.end - case.start, 1) / 1e9
    figures: dict[str, Figure] = {
        "holds": len(case.holds),
        "clients": len({case.lives.process(call.client) for call in case.calls}),
        "refused": sum(call.outcome == "fail" for call in case.acquires),
        "indeterminate": sum(call.doubtful for call in case.acquires),
        "grants_per_s": round(len(granted) / seconds, 2),
    }
    if granted:
        waits = [(call.ret - call.inv) / MS for call in granted]
        figures |= {"waiting_median_ms": round(median(waits), 3), "waiting_max_ms": round(max(waits), 3)}
    lost = lost_updates(case)
    return figures if lost is None else figures | {"lost_updates": lost}


def of_overlaps(pairs: int, telling: Sequence[Overlap]) -> dict[str, Figure]:
    """How many pairs overlapped, the longest overlap, and how long two or more were inside altogether (ms)."""
    longest = max((overlap.length for overlap in telling), default=0)
    shared = overlapped(telling)
    return {"overlaps": pairs, "max_overlap_ms": round(longest / MS, 3), "overlapped_ms": round(shared / MS, 3)}


def overlapped(telling: Sequence[Overlap]) -> int:
    """For how long (ns) two or more were inside; ``telling`` holds every hold's longest overlap with one before it."""
    total, until = 0, -NEVER
    for overlap in sorted(telling, key=lambda overlap: overlap.start):
        total += max(0, overlap.end - max(overlap.start, until))
        until = max(until, overlap.end)
    return total


def lost_updates(case: Case) -> int | None:
    """Accepted writes that overwrote an update their writer had not read; None where the values do not tell.

    A write is taken for "read, compute, write": the attempt's latest read before it is what it was computed from.
    """
    reads: dict[tuple[str, str], list[tuple[int, object]]] = {}
    for call in case.calls:
        if call.op == "read" and call.outcome == "ok":
            reads.setdefault((call.client, call.attempt), []).append((call.ret, call.value))
    begun = {(call.client, call.attempt, repr(call.value)): call.inv for call in case.calls if call.op == "write"}
    accepted = [row for row in case.ledger if row.accepted]
    lost, known = 0, False
    for before, row in zip([None, *accepted], accepted, strict=False):
        seen = [
            value
            for t, value in reads.get((row.client, row.attempt), [])
            if t <= begun.get((row.client, row.attempt, repr(row.value)), row.t)
        ]
        if seen and before is not None:
            known = True
            lost += seen[-1] != before.value
    return lost if known else None
