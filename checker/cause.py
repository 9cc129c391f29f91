"""The cause of an overlap, from what the observers saw of the two holders' keys and sessions.

The order matters: what ended the first holder's key on the node that let the second in comes first; where nothing
ended it there, that the second was let in by another node; where neither, and nothing at all had happened to servers
or clients, the algorithm itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from checker.case import Case
from checker.evidence import End, Evidence
from checker.foreign import culprits, deleted_life
from checker.observed import POLL_SLACK_NS, SLACK_NS, RoleSeen
from checker.overlap import Overlap
from checker.verdict import Cause, WitnessEvent
from histories.columns import NEVER

LOSSES: dict[str, tuple[Cause, str]] = {
    "flushed": ("flush", "{node} flushed the key of {client}"),
    "evicted": ("eviction", "{node} evicted the key of {client}"),
    "failover": ("failover", "{node} lost the key of {client}: who was promoted had not heard of it"),
    "restart": ("restart", "{node} came back without the key of {client}"),
    "replaced": ("algorithm", "the key of {client} was overwritten on {node}"),
}
"""Ends of a key that are a cause by themselves: reason → (cause, why)."""


@dataclass(frozen=True)
class Found:
    """A cause, why in words, and the observers' events that prove it."""

    cause: Cause
    why: str
    events: list[WitnessEvent] = field(default_factory=list)


def find_cause(case: Case, overlap: Overlap, evidence: Evidence, kind: str) -> Found:
    """The proven cause of an overlap, else ``unproven`` with what is missing."""
    steps = (_by_end, _restart, _failover)
    for step in steps:
        found = step(case, overlap, evidence)
        if found is not None:
            return found
    lost = evidence.end is not None and evidence.end.since <= overlap.start + _slack(case)
    if kind != "overstay" and not lost and _untouched(case, overlap, evidence):
        return Found("algorithm", "nothing had happened to servers or clients: the algorithm itself let both in")
    return Found("unproven", _missing(case, evidence))


def _by_end(case: Case, overlap: Overlap, evidence: Evidence) -> Found | None:
    """The cause, where the end of the first holder's key or session shows it.

    A loss on one node explains nothing if another node let the second in.
    """
    end, client = evidence.end, overlap.first.client
    if end is None or end.since > overlap.start + _slack(case):
        return None
    said = f"{end.what} of {client} ended: {end.reason or 'unknown'}"
    event = case.event(end.t, end.node, said, "server", overlap.first.attempt)
    if end.reason == "session-end":
        return Found("session-end", f"{end.node} ended the session of {client}", [event])
    if end.reason == "expired":
        return _expired(case, overlap, end, event)
    if case.spec.session_ns is None and evidence.granted_by != end.node:
        return None
    if end.reason == "deleted":
        return _deleted(case, overlap, event)
    if end.reason in LOSSES:
        cause, words = LOSSES[end.reason]
        return Found(cause, words.format(node=end.node, client=client), [event])
    return None


def _restart(case: Case, overlap: Overlap, evidence: Evidence) -> Found | None:
    """The node went down so soon after the first grant that nobody saw the key, and came back without it."""
    node, first = evidence.home, overlap.first
    if case.spec.session_ns is not None or evidence.first or node is None or node != evidence.granted_by:
        return None
    for seen in case.observed.restarts(node, first.entered, overlap.start + SLACK_NS):
        if "key absent" in seen.evidence or evidence.second:
            event = case.event(seen.t, node, f"is seen again ({seen.evidence or seen.role})", "role")
            return Found("restart", f"{node} was restarted and let {overlap.second.client} in", [event])
    return None


def _slack(case: Case) -> int:
    """How far the observers' times may lie from the moment itself: sessions are only polled."""
    return SLACK_NS if case.spec.session_ns is None else POLL_SLACK_NS


def _expired(case: Case, overlap: Overlap, end: End, event: WitnessEvent) -> Found | None:
    """The key expired: because the lease had run out, unless it was too early for that, whatever the holder did with
    it. A clock that was wrong at some time in the key's life (also one that was put right again) explains an early
    expiry on its own node."""
    first = overlap.first
    if case.spec.lease_ns is not None and end.t < int(case.leases.alive[first.number]):
        begin = first.acquire.inv
        clock = [
            w
            for w in case.windows
            if w.name.startswith("clock") and w.meets(begin, end.t) and (not w.targets or end.node in w.targets)
        ]
        why = f"{end.node} let the key of {first.client} expire early"
        return Found("clock", f"{why} under {clock[0].label()}", [event]) if clock else None
    in_time = [call for call in first.renewals if call.inv <= end.t]
    if in_time and in_time[-1].outcome != "ok":
        why = f"the renewals of {first.client} failed and its key expired on {end.node}"
        return Found("renewal-died", why, [event])
    late = f" before {first.client} asked to renew it" if in_time != first.renewals else ""
    return Found("lease-ran-out", f"the key of {first.client} expired on {end.node}{late}", [event])


def _deleted(case: Case, overlap: Overlap, event: WitnessEvent) -> Found | None:
    """Somebody deleted the first holder's key: proven foreign when only others were releasing at that time."""
    first = overlap.first
    life = deleted_life(case, first.acquire)
    guilty = culprits(case, first, life) if life is not None else []
    if not guilty:
        return None
    names = " or ".join(sorted({call.client for call in guilty}))
    call = guilty[0]
    events = [case.event(call.inv, call.client, "calls release", "call", call.attempt), event]
    return Found("foreign-release", f"a release by {names} deleted the key of {first.client}", events)


def _failover(case: Case, overlap: Overlap, evidence: Evidence) -> Found | None:
    """The second was let in by another node, which never held the first one's key, after one of the two had been
    promoted."""
    first, home, granted_by = overlap.first, evidence.home, evidence.granted_by
    if case.spec.session_ns is not None or home is None or granted_by is None or home == granted_by:
        return None
    if any(life.node == granted_by for life in case.keys.of(first.acquire)):
        return None
    promoted = [
        (node, seen)
        for node, seen in case.observed.promotions(case.start, overlap.start + SLACK_NS)
        if node in {granted_by, home}
    ]
    if not promoted or not _never_held(case, overlap, granted_by, dict(promoted)):
        return None
    node, seen = promoted[-1]
    why = f"{granted_by} let {overlap.second.client} in and never held the key of {first.client}"
    event = case.event(seen.t, node, f"becomes {seen.role} ({seen.evidence or 'seen by the observer'})", "role")
    return Found("failover", f"{why}; {node} had become {seen.role}", [event])


def _never_held(case: Case, overlap: Overlap, node: str, promoted: dict[str, RoleSeen]) -> bool:
    """Whether an observer can say that ``node`` never held the first holder's key: it watched all the time, or found
    no key there at the promotion."""
    if node in promoted and "key absent" in promoted[node].evidence:
        return True
    return case.observed.saw(node, overlap.first.acquire.inv, overlap.start)


def _untouched(case: Case, overlap: Overlap, evidence: Evidence) -> bool:
    """Observers watched all the time, no fault was in force, nobody was killed, no role moved; and the first holder's
    key was seen (or no key at all ever: a lock that leaves no trace on the servers)."""
    begin, t = overlap.first.acquire.inv, overlap.start
    if case.observed.lives and not evidence.first:
        return False
    if not case.observed.anything or any(window.meets(begin, t) for window in case.windows):
        return False
    if case.observed.moved(begin, t):
        return False
    killed = any(begin <= at <= t for at in case.lives.kills.values() if at < NEVER)
    return not killed and all(case.observed.saw(node, begin, t) for node in case.observed.nodes)


def _missing(case: Case, evidence: Evidence) -> str:
    if not case.observed.anything:
        return "no observer's rows say what the servers did"
    if not evidence.first:
        return "no observer saw the first holder's key"
    if evidence.end is not None:
        return f"{evidence.end.node} ended the first holder's {evidence.end.what} ({evidence.end.reason}), unexplained"
    return "the observers' rows do not show how the first holder lost it"
