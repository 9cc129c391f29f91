"""Linearizability of locks that never lapse: some order of effects, one per call, explains every answer.

For owner mutexes and for mutexes without owners, with refusals where the spec says they are exact, and with calls of
unknown effect (CHECKERS §1–4). Exact; unknown only where a client went on after a lost acquire in a way that needs a
general search.
"""

from __future__ import annotations

from checker.case import Case
from checker.linear.anonymous import anonymous_mutex
from checker.linear.operations import Answer, operations
from checker.linear.owner_mutex import owner_mutex
from checker.verdict import Verdict
from checker.witness import in_order, of_call, of_faults
from histories.spec import Spec

NAME = "linearizability"


def applies(spec: Spec) -> bool:
    """Mutexes that never lapse (semaphores and read–write locks have checkers of their own)."""
    return not spec.lapses and spec.permits == 1 and not spec.read_write and spec.reentry_limit == 1


def judge(case: Case) -> Verdict | None:
    """Judge one lock; None where nobody ever called it."""
    found = operations(case.calls, case.spec)
    if not found:
        return None
    anonymous = case.spec.owners == "anonymous"
    answer = anonymous_mutex(found) if anonymous else owner_mutex(found)
    kind = "a mutex without owners" if anonymous else "an owner mutex"
    exact = (
        "judged too, because they are exact" if case.spec.refusals == "exact" else "not judged, they may be spurious"
    )
    assumptions = [f"the lock is {kind} that never lapses and began free", f"refusals are {exact}"]
    if answer.valid:
        sentence = f"{len(found)} calls on {case.lock} can be explained by {kind} that never lapses"
        return Verdict(property=NAME, validity="valid", sentence=sentence, lock=case.lock, assumptions=assumptions,
                       figures={"operations": len(found)})  # fmt: skip
    return _broken(case, answer, assumptions)


def _broken(case: Case, answer: Answer, assumptions: list[str]) -> Verdict:
    calls = [case.calls[operation.number] for operation in answer.witness]
    start = min((call.inv for call in calls), default=case.start)
    end = max((min(call.ret, case.end) for call in calls), default=case.end)
    events = [event for call in calls for event in of_call(case, call)]
    return Verdict(
        property=NAME,
        validity="unknown" if answer.valid is None else "invalid",
        sentence=f"{case.lock} is not explained by a mutex: {answer.why}" if answer.valid is False else answer.why,
        lock=case.lock,
        kind=answer.kind if answer.valid is False else None,
        reason=answer.why if answer.valid is None else None,
        witness=in_order([*events, *of_faults(case, start, end)]),
        faults=case.in_force(start, end),
        assumptions=assumptions,
    )
