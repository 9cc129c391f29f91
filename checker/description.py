"""How a found overlap came about: its kind (double grant or overstay), sub-kind (frozen) and cause.

A found overlap is invalid whatever this says. Kind and cause come from the calls, the observers' rows and the fault
windows; what those do not decide is ``unproven``, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from checker.case import MS, Case
from checker.cause import find_cause
from checker.evidence import Evidence, collect
from checker.observed import POLL_SLACK_NS, SLACK_NS
from checker.overlap import Overlap
from checker.verdict import Cause, WitnessEvent

FROZEN_NS = 50 * MS
"""An overlap that ends this soon after the first holder was resumed is what no client can avoid."""


@dataclass(frozen=True)
class Description:
    """``why``: the cause in words. ``evidence``: the observers' events that prove it. ``reading``: how it was told."""

    kind: str
    cause: Cause
    why: str
    reading: str
    sub_kind: str | None = None
    evidence: list[WitnessEvent] = field(default_factory=list)


def describe(case: Case, overlap: Overlap) -> Description:
    """Kind, sub-kind and cause of one overlap."""
    evidence = collect(case, overlap)
    kind, reading = _kind(case, overlap, evidence)
    found = find_cause(case, overlap, evidence, kind)
    sub_kind = "frozen" if kind == "overstay" and _frozen(case, overlap) else None
    return Description(kind, found.cause, found.why, reading, sub_kind, found.events)


def _kind(case: Case, overlap: Overlap, evidence: Evidence) -> tuple[str, str]:
    """(kind, the reading it rests on)."""
    spec = case.spec
    if not spec.lapses:
        return "double-grant", "a lock that never lapses is given away only by a release"
    certain = case.leases.certain
    first_end, second_end = int(certain[overlap.first.number]), int(certain[overlap.second.number])
    if spec.lease_ns is not None and overlap.start <= first_end and overlap.first.entered <= second_end:
        return (
            "double-grant",
            f"both leases were certainly alive at +{case.at_ms(overlap.start):.0f} ms (definite holds)",
        )
    seen = _kind_seen(case, overlap, evidence)
    if seen is not None:
        return seen
    if spec.lease_ns is not None and overlap.start > int(case.leases.possible[overlap.first.number]):
        return "overstay", "the first lease was certainly over when the second acquire returned (definite holds)"
    return "unproven", "neither the calls nor the observers' rows say whether the first lease or session was alive"


def _kind_seen(case: Case, overlap: Overlap, evidence: Evidence) -> tuple[str, str] | None:
    """What the observers' rows say of the kind, None where they say nothing."""
    if case.spec.session_ns is not None:
        return _session_seen(overlap, evidence)
    end = evidence.end
    if end is not None and end.reason == "expired" and end.since <= overlap.start + SLACK_NS:
        return "overstay", f"{end.node} had let the first holder's key expire by then"
    if evidence.apart:
        return "double-grant", "the first holder's key was still alive on the node that had granted it"
    return None


def _session_seen(overlap: Overlap, evidence: Evidence) -> tuple[str, str] | None:
    """For sessions: whether the first one's had ended, by the earliest sighting on any member."""
    end = evidence.end
    if end is not None and end.since <= overlap.start + POLL_SLACK_NS:
        if end.reason in {"session-end", "expired"}:
            return "overstay", f"{end.node} had ended the first holder's session by then"
        return "double-grant", f"{end.node} lost the first holder's node ({end.reason}) while its session lived"
    lived_on = evidence.first and (end is None or end.since > overlap.start + 2 * POLL_SLACK_NS)
    if lived_on and evidence.watched:
        return "double-grant", "the servers kept the first holder's session and node long after"
    return None


def _frozen(case: Case, overlap: Overlap) -> bool:
    """The overlap lay in a pause of the first holder, but for at most 50 ms, and from then on it did nothing to the
    ledger or a resource."""
    first = overlap.first
    pause = case.lives.pause_at(first.client, overlap.start)
    if pause is None or overlap.end > pause[1] + FROZEN_NS:
        return False
    if any(row.attempt == first.attempt and row.t >= pause[1] for row in case.effects):
        return False
    return not any(call.op == "write" and call.ret >= pause[1] for call in first.ledger)
