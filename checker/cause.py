"""The cause of an overlap, from what the observers saw of the two holders' keys and sessions.

The order matters: what ended the first holder's key on a node in charge comes first; where nothing ended it, that the
second was granted by another node; where neither, and nothing at all happened to the servers, the algorithm itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from checker.calls import NEVER, Call
from checker.case import Case
from checker.leases import certain_end
from checker.observed import SLACK_NS, Life
from checker.overlap import Overlap
from checker.verdict import Cause, WitnessEvent

SIMPLE: dict[str, tuple[Cause, str]] = {
    "flushed": ("flush", "flushed all keys"),
    "evicted": ("eviction", "evicted the key"),
    "restart": ("restart", "came back without the key"),
}


@dataclass(frozen=True)
class End:
    """The end of the first holder's key or session on a node that counts. ``what``: ``key`` or ``session``."""

    node: str
    ended: int
    reason: str | None
    what: str
    evidence: str | None = None


@dataclass(frozen=True)
class Evidence:
    """What observers saw of the two holders' keys, on nodes in charge. ``apart``: both lived at once on different
    nodes in charge. ``watched``: some node was observed all the time from the first acquire to the second's return."""

    first: list[Life]
    second: list[Life]
    first_end: End | None
    apart: bool
    watched: bool

    @classmethod
    def of(cls, case: Case, overlap: Overlap) -> Evidence:
        """Collect it for one overlap."""
        first, second = in_charge(case, overlap.first.acquire), in_charge(case, overlap.second.acquire)
        watched = any(case.observed.saw(node, overlap.first.acquire.inv, overlap.start) for node in case.observed.nodes)
        apart = any(
            a.node != b.node and b.began is not None and a.ended > b.began + SLACK_NS for a in first for b in second
        )
        return cls(first, second, _first_end(case, overlap, first), apart and case.spec.session_ns is None, watched)


@dataclass(frozen=True)
class Found:
    """A cause, why in words, and the observers' events that prove it."""

    cause: Cause
    why: str
    events: list[WitnessEvent] = field(default_factory=list)


def in_charge(case: Case, acquire: Call) -> list[Life]:
    """The lives of an acquire's key on nodes that were in charge when it began there (sessions: on any member)."""
    return [
        life
        for life in case.lives_of(acquire)
        if case.spec.session_ns is not None
        or case.observed.in_charge(life.node, life.began if life.began is not None else life.ended)
    ]


def _first_end(case: Case, overlap: Overlap, lives: list[Life]) -> End | None:
    """The earliest sighting of the end of the first holder's key or session."""
    ends = [
        End(life.node, life.ended, life.reason, "session" if life.reason == "session-end" else "key", life.evidence)
        for life in lives
        if life.ended != NEVER
    ]
    for session in {life.session for life in lives if life.session}:
        if session in case.observed.sessions:
            t, reason, node = case.observed.sessions[session]
            ends.append(End(node, t, reason if reason not in {None, "deleted"} else "session-end", "session"))
    return min(ends, key=lambda end: end.ended, default=None)


def find_cause(case: Case, overlap: Overlap, evidence: Evidence, kind: str) -> Found:
    """The proven cause of an overlap, else ``unproven`` with what is missing."""
    end = evidence.first_end
    if end is not None and end.ended <= overlap.start + SLACK_NS:
        found = _by_end(case, overlap, end)
        if found is not None:
            return found
    found = _failover(case, overlap, evidence)
    if found is not None:
        return found
    if _untouched(case, overlap, kind):
        return Found("algorithm", "nothing had happened to servers or clients: the algorithm itself let both in")
    return Found("unproven", _missing(case, evidence))


def _by_end(case: Case, overlap: Overlap, end: End) -> Found | None:
    """The cause, where the end of the first holder's key shows it."""
    client = overlap.first.client
    event = case.event(end.ended, end.node, f"{end.what} of {client} ended: {end.reason or 'unknown'}", "server",
                       overlap.first.attempt)  # fmt: skip
    if end.reason in SIMPLE:
        cause, words = SIMPLE[end.reason]
        return Found(cause, f"{end.node} {words} of {client}", [event])
    if end.reason == "session-end":
        return Found("session-end", f"{end.node} ended the session of {client}", [event])
    if end.reason == "expired":
        return _expired(case, overlap, end, event)
    if end.reason == "replaced":
        return Found("algorithm", f"the key of {client} was overwritten on {end.node} while it held", [event])
    if end.reason == "deleted":
        return _deleted(case, overlap, end, event)
    return None


def _expired(case: Case, overlap: Overlap, end: End, event: WitnessEvent) -> Found | None:
    first = overlap.first
    if case.spec.lease_ns is not None and end.ended < certain_end(first, case.spec) - SLACK_NS:
        clock = [window for window in case.windows if window.name.startswith("clock") and window.meets(
            first.acquire.inv, end.ended)]  # fmt: skip
        if clock:
            return Found(
                "clock", f"{end.node} let the key of {first.client} expire early under {clock[0].label()}", [event]
            )
        return None
    renewed = any(call.outcome == "ok" for call in first.renewals)
    if renewed and first.renewals[-1].outcome != "ok":
        return Found(
            "renewal-died",
            f"{first.client} had renewed, then its renewals failed and {end.node} let the key expire",
            [event],
        )
    return Found("lease-ran-out", f"the key of {first.client} expired on {end.node}", [event])


def _deleted(case: Case, overlap: Overlap, end: End, event: WitnessEvent) -> Found | None:
    """Somebody deleted the first holder's key; proven foreign when just others were releasing at that time."""
    first = overlap.first
    releasers = foreign_releases(case, first.client, end.ended)
    if not releasers or any(call.inv <= end.ended + SLACK_NS for call in first.releases):
        return None
    names = " or ".join(sorted({call.client for call in releasers}))
    call = releasers[0]
    events = [
        case.event(call.inv, call.client, "calls release", "call", call.attempt),
        event,
    ]
    return Found("foreign-release", f"a release by {names} deleted the key of {first.client}", events)


def foreign_releases(case: Case, holder: str, t: int) -> list[Call]:
    """Release calls by other clients under way at ``t`` (give or take the observer's slack), the closest first."""
    near = [
        call
        for call in case.releases
        if call.client != holder and call.outcome != "fail" and call.inv - SLACK_NS <= t <= call.ret + SLACK_NS
    ]
    inside = [call for call in near if call.inv <= t <= call.ret]
    return sorted(inside or near, key=lambda call: abs(call.inv - t))


def _failover(case: Case, overlap: Overlap, evidence: Evidence) -> Found | None:
    """The second was granted by a node that never held the first one's key, after somebody was promoted."""
    if case.spec.session_ns is not None or not evidence.second:
        return None
    first = overlap.first
    granted_by = evidence.second[0].node
    home = {life.node for life in evidence.first}
    ever = {life.node for life in case.lives_of(first.acquire) if life.began is None or life.began <= overlap.start}
    promotions = list(case.observed.promotions(case.start, overlap.start + SLACK_NS))
    moved = any(node == granted_by or node in home for _, node in promotions)
    if granted_by in ever or not moved or not case.observed.saw(granted_by, first.acquire.inv, overlap.start):
        return None
    if not home and not any(t > first.entered - SLACK_NS and node == granted_by for t, node in promotions):
        return None
    t, node = promotions[-1]
    events = [case.event(t, node, "became primary", "role")]
    return Found(
        "failover",
        f"{granted_by} let {overlap.second.client} in and never held the key of {first.client}, "
        f"after {node} had become primary",
        events,
    )


def _untouched(case: Case, overlap: Overlap, kind: str) -> bool:
    """No fault was in force, nobody was killed, no role moved, no key of the first holder ended."""
    begin, t = overlap.first.acquire.inv, overlap.start
    if kind == "overstay" or not case.observed.anything:
        return False
    quiet = not any(window.meets(begin, t) for window in case.windows)
    moved = any(True for _ in case.observed.promotions(begin, t))
    blind = any(a <= t and b >= begin for spans in case.observed.blind.values() for a, b in spans)
    return quiet and not moved and not blind


def _missing(case: Case, evidence: Evidence) -> str:
    if not case.observed.anything:
        return "no observer's rows say what the servers did"
    if not evidence.first:
        return "no observer saw the first holder's key"
    return "the observers' rows do not show how the first holder lost it"
