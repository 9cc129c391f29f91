"""Stretches of time in which nobody was inside, nobody could still own the lock, and the servers could be reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from checker.calls import NEVER, Call
from checker.case import Case
from checker.holds import Hold
from checker.leases import possible_end

Span = tuple[int, int]


def without(start: int, end: int, taken: Iterable[Span]) -> Iterator[Span]:
    """[start, end] without the spans ``taken``, in order of time."""
    at = start
    for begin, until in sorted(taken):
        if begin > at:
            yield at, min(begin, end)
        at = max(at, until)
        if at >= end:
            return
    if at < end:
        yield at, end


def insides(case: Case) -> list[Span]:
    """When somebody was inside."""
    return [(hold.entered, hold.left) for hold in case.holds if hold.left > hold.entered]


def owned(case: Case) -> list[Span]:
    """When somebody may have owned the lock: holds until they were released, lapsed or (where nothing lapses) their
    client was gone; attempts of unknown effect likewise."""
    spans = [(hold.acquire.inv, _owned_until(case, hold)) for hold in case.holds]
    return spans + [(call.inv, _perhaps_until(case, call)) for call in case.acquires if call.doubtful]


def _owned_until(case: Case, hold: Hold) -> int:
    released = min((call.ret for call in hold.releases if call.outcome == "ok"), default=NEVER)
    if case.spec.lease_ns is not None:
        return min(released, possible_end(hold, case.spec))
    return max(hold.left, min(released, _gone(case, hold.client)))


def _perhaps_until(case: Case, call: Call) -> int:
    settled = min(
        (c.ret for c in case.releases if c.attempt == call.attempt and c.outcome in {"ok", "fail"}), default=NEVER
    )
    gone = _gone(case, call.client)
    if case.spec.lease_ns is None:
        return min(settled, gone)
    lease = int(case.spec.lease_ns * (1 + case.spec.drift)) + case.spec.margin_ns
    return min(settled, NEVER if call.ret == NEVER else call.ret + lease)


def _gone(case: Case, client: str) -> int:
    """When a client that ended owns nothing any more: at once, or when its session has lapsed."""
    gone = case.lives.gone(client)
    if gone == NEVER or case.spec.session_ns is None:
        return gone
    return gone + 2 * case.spec.session_ns


def unreachable(case: Case) -> list[Span]:
    """When a fault was in force that hit more than single clients."""
    processes = {case.lives.process(call.client) for call in case.calls}
    return [
        (window.asked, window.healed)
        for window in case.windows
        if not window.targets or not {case.lives.process(name) for name in window.targets} <= processes
    ]


def tried_in_vain(case: Case, span: Span, bound: int) -> list[Call]:
    """Attempts that were pending or came back empty in ``span``, later than ``bound`` ns after its beginning; those of
    clients that a fault singled out at that time do not count."""
    begin, end = span
    found = []
    for call in case.acquires:
        if call.inv >= end or call.ret <= begin + bound or (call.outcome == "ok" and call.ret <= end):
            continue
        process = case.lives.process(call.client)
        hit = any(
            process in {case.lives.process(name) for name in window.targets} and window.meets(call.inv, call.ret)
            for window in case.windows
        )
        if not hit and case.lives.killed(call.client) > begin + bound:
            found.append(call)
    return found
