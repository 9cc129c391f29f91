"""Fencing at grant: the tokens handed out grow with the order of grants (CHECKERS §5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from checker.case import Case
from checker.holds import Hold
from checker.tokens import out_of_order
from checker.verdict import Verdict, vacuous, valid
from checker.witness import in_order, of_faults, of_hold
from histories.columns import NONE
from histories.spec import Spec

NAME = "fencing-at-grant"


def applies(spec: Spec) -> bool:
    """Locks whose grants carry a fencing token."""
    return spec.fenced


def judge(case: Case) -> Verdict | None:
    """Tokens grow strictly with the order of grants, as far as real time forces it; None where nobody was granted."""
    if not len(case.holds):
        return None
    rows = case.holds.acquire
    fence = case.calls.fence[rows]
    bare = np.flatnonzero(fence == NONE)
    if len(bare):
        hold = case.hold(int(bare[0]))
        return _invalid(case, "missing-token", f"{hold.client} was granted {case.lock} without a fencing token", [hold])
    found = out_of_order(fence, case.calls.attempt.keys[rows], case.calls.inv[rows], case.holds.entered)
    if found is not None:
        first, second = case.hold(found[0]), case.hold(found[1])
        if first.fence == second.fence:
            kind, what = "reused-token", f"got the same fencing token {first.fence} as {first.client}"
        else:
            kind, what = "stale-token", f"got fencing token {second.fence}, after {first.client} had got {first.fence}"
        return _invalid(case, kind, f"{second.client} {what} for {case.lock}", [first, second])
    if len(fence) < 2:
        return vacuous(NAME, case.lock, "it was granted once only")
    sentence = f"{len(fence)} fencing tokens of {case.lock} grew with the order of grants"
    return valid(NAME, case.lock, sentence, f"{len(fence)} grants")


def _invalid(case: Case, kind: str, sentence: str, holds: Sequence[Hold]) -> Verdict:
    start, end = min(hold.acquire.inv for hold in holds), max(hold.entered for hold in holds)
    events = [event for hold in holds for event in of_hold(case, hold)]
    witness = in_order([*events, *of_faults(case, start, end)])
    return Verdict(property=NAME, validity="invalid", sentence=sentence, lock=case.lock, kind=kind, witness=witness,
                   faults=case.in_force(start, end))  # fmt: skip
