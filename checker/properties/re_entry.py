"""Re-entry: whoever is inside gets in again, up to the limit and no further (CHECKERS §6).

Of an exact refusal while its client certainly held the lock, below the limit, nothing but the lock is to blame; and so
of a grant beyond the limit. For locks that lapse too: there the linearizability of all calls cannot be judged.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checker.belongings import latest_hold
from checker.case import Case
from checker.holds import Hold
from checker.linear.operations import not_asked
from checker.verdict import Verdict, vacuous, valid
from checker.witness import in_order, of_call, of_faults, of_hold
from histories.columns import Call
from histories.spec import Spec

NAME = "re-entry"


def applies(spec: Spec) -> bool:
    """Mutexes whose holder may acquire them again."""
    return spec.reentry_limit > 1 and spec.owners == "owner" and spec.permits == 1 and not spec.read_write


def judge(case: Case) -> Verdict | None:
    """Judge one lock; None where nobody who was inside asked for it again."""
    if not _asked_again(case):
        return None
    limit = case.spec.reentry_limit
    deepest = 1
    for hold in _entered_again(case):
        depths = [depth for _, depth in _levels(hold)]
        deepest = max(deepest, *depths)
        if deepest > limit:
            call = next(call for call, depth in _levels(hold) if depth > limit)
            what = f"was granted {case.lock} {deepest} times at once (limit {limit})"
            return _invalid(case, "limit-exceeded", what, hold, call)
    for hold, call in _refused_inside(case):
        depth = _depth_at(hold, call)
        if 0 < depth < limit:
            often = "once" if depth == 1 else f"{depth} times"
            what = f"was refused {case.lock}, which it held {often} (limit {limit})"
            return _invalid(case, "refused-re-entry", what, hold, call)
    figures = {"deepest": deepest}
    if deepest == 1:
        why = "whoever asked for it again may have lost it by then"
        return vacuous(NAME, case.lock, why, figures=dict(figures))
    sentence = f"{case.lock} was held up to {deepest} times at once by one client (limit {limit})"
    return valid(NAME, case.lock, sentence, f"{deepest} holds of one client at once", figures=dict(figures))


def _asked_again(case: Case) -> bool:
    """Whether any client began to acquire it while it was inside as far as it knew."""
    calls = case.calls
    rows = np.flatnonzero(calls.acquires)
    number = latest_hold(calls.client[rows], calls.inv[rows] - 1, case.holds)  # so that it is never its own hold
    rows, number = rows[number >= 0], number[number >= 0]
    return bool((calls.inv[rows] <= case.holds.left[number]).any())


def _entered_again(case: Case) -> Iterator[Hold]:
    """The holds with grants inside."""
    grants = np.bincount(case.belongs[case.granted], minlength=len(case.holds))
    return (case.hold(number) for number in np.flatnonzero(grants > 1).tolist())


def _levels(hold: Hold) -> Iterator[tuple[Call, int]]:
    """Each grant of a hold with how deep its client was at least from then on: releases count from their call."""
    for number, call in enumerate([hold.acquire, *hold.inner]):
        yield call, number + 1 - sum(release.inv <= call.ret for release in hold.releases)


def _depth_at(hold: Hold, refused: Call) -> int:
    """How often its client held it at least, all through the refused call; 0 where it was about to let go."""
    granted = sum(call.ret <= refused.inv for call in [hold.acquire, *hold.inner])
    return granted - sum(release.inv <= refused.ret for release in hold.releases)


def _refused_inside(case: Case) -> Iterator[tuple[Hold, Call]]:
    """Exact refusals of clients that certainly held the lock meanwhile."""
    if case.spec.refusals != "exact":
        return
    calls = case.calls
    rows = np.flatnonzero(calls.acquires & calls.ended("fail") & ~not_asked(calls))
    number = latest_hold(calls.client[rows], calls.inv[rows], case.holds)
    inside = (number >= 0) & (calls.ret[rows] <= case.leases.certain[number])
    for row, own in zip(rows[inside].tolist(), number[inside].tolist(), strict=True):
        yield case.hold(own), calls.call(row)


def _invalid(case: Case, kind: str, what: str, hold: Hold, call: Call) -> Verdict:
    events = [*of_hold(case, hold), *of_call(case, call)]
    events += [event for inner in hold.inner if inner.ret <= call.ret for event in of_call(case, inner)]
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=f"{hold.client} {what}",
        lock=case.lock,
        kind=kind,
        witness=in_order([*events, *of_faults(case, hold.entered, call.ret)]),
        faults=case.in_force(hold.entered, call.ret),
    )
