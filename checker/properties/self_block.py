"""Self-block: a client is refused, or left waiting, by a lock that carries its own owner value.

It happens after a lost reply: the server executed the acquire, the client never heard of it, and asks again. With a
lease that ends by itself, so it is judged a violation only beyond the lease; where nothing lapses, at once.
Proven by what observers saw of the key's owner value, never guessed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

from checker.case import MS, Case
from checker.evidence import in_charge
from checker.observed import POLL_SLACK_NS, SLACK_NS, Life
from checker.verdict import Verdict, valid
from checker.witness import in_order, of_call, of_ends, of_faults
from histories.columns import NEVER, Call
from histories.spec import Spec

NAME = "self-block"


def applies(spec: Spec) -> bool:
    """Locks with owners."""
    return spec.owners == "owner"


def judge(case: Case) -> Verdict | None:
    """Judge one lock; None where observers saw no owner value or nobody was refused."""
    if not any(life.owner is not None for life in case.observed.lives):
        return None
    asked = list(case.made(case.calls.acquires))
    refused = [call for call in asked if call.outcome == "fail"]
    if not refused:
        return None
    by_process: dict[str, list[Call]] = defaultdict(list)
    for call in asked:
        by_process[case.lives.process(call.client)].append(call)
    blocked = [
        (earlier, later, life)
        for later in refused
        for earlier in _suspects(case, later, by_process[case.lives.process(later.client)])
        for life in in_charge(case, earlier)
        if _covers(case, life, later)
    ]
    wrong = [entry for entry in blocked if _too_long(case, *entry)]
    longest = max((min(later.ret, life.ended) - later.inv for _, later, life in blocked), default=0)
    figures = {
        "self_blocked": len({id(later) for _, later, _ in blocked}),
        "longest_self_block_ms": round(longest / MS, 3),
    }
    if not wrong:
        by_itself = (
            f"{figures['self_blocked']} of them by its own key within its lease" if blocked else "none by its own key"
        )
        sentence = f"{len(refused)} refusals of {case.lock}, {by_itself}"
        return valid(NAME, case.lock, sentence, f"{len(refused)} refusals", figures=dict(figures))
    earlier, later, life = wrong[0]
    end = min(later.ret, case.end)
    events = [*of_call(case, earlier), *of_call(case, later), *of_ends(case, earlier, earlier.inv, end)]
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=f"{later.client} was refused {case.lock} by its own key of attempt {earlier.attempt} on {life.node}",
        lock=case.lock,
        kind="self-block",
        witness=in_order([*events, *of_faults(case, earlier.inv, end)]),
        faults=case.in_force(earlier.inv, end),
        figures=dict(figures),
    )


def _suspects(case: Case, later: Call, own: list[Call]) -> list[Call]:
    """The two latest attempts of the same process before this one by whose key its client was not inside."""
    at = bisect_left(own, later.inv, key=lambda call: call.inv)
    found = []
    for call in reversed(own[max(0, at - 4) : at]):
        if call.owner is not None and call.owner not in case.keys.shared_owners:
            hold = case.hold_by_attempt(call.attempt)
            if hold is None or hold.left <= later.inv:
                found.append(call)
    return found[:2]


def _covers(case: Case, life: Life, later: Call) -> bool:
    """Whether the key was there all through the refused call: seen well after it, because ends are sighted late."""
    slack = SLACK_NS if case.spec.session_ns is None else POLL_SLACK_NS
    return life.began is not None and life.began <= later.inv and life.ended_since >= later.ret + slack


def _too_long(case: Case, earlier: Call, later: Call, life: Life) -> bool:
    """Whether the block cannot be the rest of a lease or session that ends by itself."""
    lapse = case.spec.lease_ns or case.spec.session_ns
    if lapse is None:
        return True
    since = max(earlier.inv, life.began or 0) if earlier.ret == NEVER else earlier.ret
    hold = case.hold_by_attempt(earlier.attempt)
    if hold is not None:
        since = max([since, hold.left, *(call.ret for call in hold.renewals if call.ret < NEVER)])
    if case.spec.session_ns is not None and not _counted(case, since, later.inv):
        return False
    return later.inv > since + 2 * int(lapse * (1 + case.spec.drift)) + case.spec.margin_ns


def _counted(case: Case, start: int, end: int) -> bool:
    """Whether one leader counted a session's time all through [start, end]: a new one begins anew, and without one
    nobody counts. True where no observer tells."""
    if not case.observed.roles:
        return True
    led = any(case.observed.in_charge(node, end) for node in case.observed.roles)
    return led and not case.observed.moved(start, end)
