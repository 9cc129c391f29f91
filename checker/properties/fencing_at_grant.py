"""Fencing at grant: the tokens handed out grow with the order of grants (CHECKERS §5)."""

from __future__ import annotations

from collections.abc import Sequence

from checker.case import Case
from checker.holds import Hold
from checker.tokens import Token, backwards, reused
from checker.verdict import Verdict
from checker.witness import in_order, of_faults, of_hold
from histories.spec import Spec

NAME = "fencing-at-grant"


def applies(spec: Spec) -> bool:
    """Locks whose grants carry a fencing token."""
    return spec.fenced


def judge(case: Case) -> Verdict | None:
    """Tokens grow strictly with the order of grants, as far as real time forces it; None where nobody was granted."""
    if not case.holds:
        return None
    bare = next((hold for hold in case.holds if hold.fence is None), None)
    if bare is not None:
        sentence = f"{bare.client} was granted {case.lock} without a fencing token"
        return _invalid(case, "missing-token", sentence, [bare])
    tokens = [
        Token(hold.fence or 0, hold.attempt, hold.acquire.inv, hold.entered, number)
        for number, hold in enumerate(case.holds)
    ]
    found = reused(tokens) or backwards(tokens)
    if found is not None:
        first, second = case.holds[found[0].number], case.holds[found[1].number]
        if first.fence == second.fence:
            kind, what = "reused-token", f"got the same fencing token {first.fence} as {first.client}"
        else:
            kind, what = "stale-token", f"got fencing token {second.fence}, after {first.client} had got {first.fence}"
        return _invalid(case, kind, f"{second.client} {what} for {case.lock}", [first, second])
    sentence = f"{len(tokens)} fencing tokens of {case.lock} grew with the order of grants"
    return Verdict(property=NAME, validity="valid", sentence=sentence, lock=case.lock)


def _invalid(case: Case, kind: str, sentence: str, holds: Sequence[Hold]) -> Verdict:
    start, end = min(hold.acquire.inv for hold in holds), max(hold.entered for hold in holds)
    events = [event for hold in holds for event in of_hold(case, hold)]
    witness = in_order([*events, *of_faults(case, start, end)])
    return Verdict(property=NAME, validity="invalid", sentence=sentence, lock=case.lock, kind=kind, witness=witness,
                   faults=case.in_force(start, end))  # fmt: skip
