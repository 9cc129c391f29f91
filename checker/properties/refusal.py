"""Refusals are justified: nobody is refused while the lock is certainly free. Judged for exact refusals only.

Locks that vote or queue refuse rightly while nobody holds, so for them this is no promise. Never part of mutual
exclusion (CHECKERS §3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from checker.case import Case
from checker.linear.operations import not_asked
from checker.stretches import Spans, spans
from checker.verdict import Verdict, valid
from checker.witness import in_order, of_call, of_faults
from histories.columns import NEVER, Call
from histories.spec import Spec

NAME = "refusal-justified"


def applies(spec: Spec) -> bool:
    """Mutexes with owners whose refusals are exact."""
    mutex = spec.permits == 1 and not spec.read_write and spec.reentry_limit == 1
    return spec.refusals == "exact" and spec.owners == "owner" and mutex


def judge(case: Case) -> Verdict | None:
    """Judge one lock; None where nobody was refused."""
    refused = np.flatnonzero(case.calls.acquires & case.calls.ended("fail") & ~not_asked(case.calls))
    if not len(refused):
        return None
    return _lapsing(case, refused) if case.spec.lapses else _never_lapsing(case, refused)


def _never_lapsing(case: Case, refused: NDArray[np.intp]) -> Verdict:
    """Exact, by forced gaps."""
    answer = case.linear
    if answer is None:
        return _valid(case, refused)
    if answer.kind == "refused-while-free":
        return _invalid(case, answer.calls)
    why = answer.why if answer.valid is None else f"holds do not follow one another ({answer.why}), so nothing is free"
    sentence = f"whether refusals of {case.lock} are right is unknown: {why}"
    return Verdict(property=NAME, validity="unknown", sentence=sentence, lock=case.lock, reason=why)


def _lapsing(case: Case, refused: NDArray[np.intp]) -> Verdict:
    """Sound: a refusal is wrong if it meets no time at which somebody may have held. Such times are clipped by the
    certain holds of others, because extents alone would excuse too much (the trap of CHECKERS §3)."""
    possible = _possible(case)
    possible = possible[np.argsort(possible[:, 0], kind="stable")]
    furthest = np.concatenate(([-NEVER], np.maximum.accumulate(possible[:, 1])))
    calls = case.calls
    before = np.searchsorted(possible[:, 0], calls.ret[refused], side="right")
    wrong = refused[furthest[before] < calls.inv[refused]]
    if len(wrong):
        return _invalid(case, [calls.call(int(wrong[0]))])
    return _valid(case, refused)


def _possible(case: Case) -> Spans:
    """Times at which some attempt may have held the lock."""
    calls, holds, leases = case.calls, case.holds, case.leases
    held = spans(calls.inv[holds.acquire], np.minimum(leases.freed, leases.possible))
    sure = np.flatnonzero(leases.certain > holds.entered)
    if not (leases.certain[sure][:-1] > holds.entered[sure][1:]).any():
        # A hold that certainly held began after the certain hold before it ended, and ended before the next began.
        held[sure[1:], 0] = np.maximum(held[sure[1:], 0], leases.certain[sure[:-1]])
        held[sure[:-1], 1] = np.minimum(held[sure[:-1], 1], holds.entered[sure[1:]])
    lost = calls.inv[calls.acquires & case.doubtful]
    return np.concatenate((held, spans(lost, np.full(len(lost), NEVER))))


def _valid(case: Case, refused: NDArray[np.intp]) -> Verdict:
    sentence = f"{len(refused)} refusals of {case.lock}: somebody may have held it each time"
    return valid(NAME, case.lock, sentence, f"{len(refused)} refusals", figures={"refused": len(refused)})


def _invalid(case: Case, calls: Sequence[Call]) -> Verdict:
    """``calls``: the refused try, and where the forced gap is known, the calls around it."""
    refused = next(call for call in calls if call.acquires and call.outcome == "fail")
    events = [event for call in calls for event in of_call(case, call)]
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=f"{refused.client} was refused {case.lock} although nobody can have held it then",
        lock=case.lock,
        kind="refused-while-free",
        witness=in_order([*events, *of_faults(case, refused.inv, refused.ret)]),
        faults=case.in_force(refused.inv, refused.ret),
        assumptions=["refusals are exact: one atomic server command decides"],
    )
