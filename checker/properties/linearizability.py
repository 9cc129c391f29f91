"""Linearizability of locks that never lapse: some order of effects, one per call, explains every answer.

For mutexes with owners and without, re-entrant ones, semaphores and read-write locks, with refusals where the spec says
they are exact, and with calls of unknown effect (CHECKERS §1–4, §6–8). Exact; unknown only where a cluster of calls
needs a general search and that exceeds its budget.
"""

from __future__ import annotations

import numpy as np

from checker.case import Case, Unexplained
from checker.linear.operations import not_asked
from checker.properties import stores
from checker.verdict import Verdict, valid
from checker.witness import in_order, of_call, of_faults
from histories.spec import Spec

NAME = "linearizability"


def applies(spec: Spec) -> bool:
    """Locks that never lapse, and stores."""
    return spec.model != "lock" or not spec.lapses


def judge(case: Case) -> Verdict | None:
    """Judge one lock or store; None where nobody ever called it."""
    if case.spec.model != "lock":
        return stores.judge(case)
    asked = _asked(case)
    if not asked:
        return None
    answer = case.linear
    kind = _kind(case.spec)
    exact = (
        "judged too, because they are exact" if case.spec.refusals == "exact" else "not judged, they may be spurious"
    )
    assumptions = [f"the lock is {kind} that never lapses and began free", f"refusals are {exact}"]
    if answer is None:
        clients = len(np.unique(case.calls.client))
        sentence = f"{asked} calls on {case.lock} can be explained by {kind} that never lapses"
        chance = f"{asked} calls by {clients} client{'' if clients == 1 else 's'}"
        return valid(NAME, case.lock, sentence, chance, assumptions=assumptions, figures={"operations": asked})
    return _broken(case, answer, assumptions)


def _asked(case: Case) -> int:
    """How many calls count: refusals only where they are exact and came from the lock."""
    calls = case.calls
    refused = calls.ended("fail")
    counted = ~refused | ~not_asked(calls) if case.spec.refusals == "exact" else ~refused
    return int(((calls.acquires | calls.is_op("release")) & counted).sum())


def _kind(spec: Spec) -> str:
    """What the lock is, in words."""
    if spec.read_write:
        return "a read-write lock"
    owners = "" if spec.owners == "owner" else " without owners"
    if spec.permits > 1:
        return f"a semaphore of {spec.permits} permits{owners}"
    if spec.reentry_limit > 1:
        return "a re-entrant mutex"
    return f"a mutex{owners}" if owners else "an owner mutex"


def _broken(case: Case, answer: Unexplained, assumptions: list[str]) -> Verdict:
    calls = answer.calls
    start = min((call.inv for call in calls), default=case.start)
    end = max((min(call.ret, case.end) for call in calls), default=case.end)
    events = [event for call in calls for event in of_call(case, call)]
    return Verdict(
        property=NAME,
        validity="unknown" if answer.valid is None else "invalid",
        sentence=f"{case.lock} is not explained by {_kind(case.spec)}: {answer.why}"
        if answer.valid is False
        else answer.why,
        lock=case.lock,
        kind=answer.kind if answer.valid is False else None,
        reason=answer.why if answer.valid is None else None,
        witness=in_order([*events, *of_faults(case, start, end)]),
        faults=case.in_force(start, end),
        assumptions=assumptions,
    )
