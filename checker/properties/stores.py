"""Linearizability of registers and key-value stores whose histories were recorded elsewhere.

By general search (see :mod:`checker.search`), one object at a time; unknown only where its budget is used up.
"""

from __future__ import annotations

from collections.abc import Iterable

from checker.case import Case
from checker.search.budget import Budget
from checker.search.recorded import Judged, judge_calls
from checker.verdict import BADNESS, Verdict, WitnessEvent, valid
from checker.witness import in_order, of_call, of_faults
from histories.columns import Call

NAME = "linearizability"
BUDGET = Budget()
READINGS = [
    "ok took effect, fail had none, and what never came back may have taken effect at any time after its call, or never"
]


def judge(case: Case) -> Verdict | None:
    """Judge one object, or the keys of one that transactions touch together; None where nobody ever called it."""
    if not len(case.calls):
        return None
    try:
        verdicts = [_verdict(case, found) for found in judge_calls(case.calls, case.spec, BUDGET)]
    except ValueError as error:
        return _misfit(case, str(error))
    return max(verdicts, key=lambda verdict: BADNESS[verdict.validity], default=None)


def _misfit(case: Case, why: str) -> Verdict:
    """The calls are not those of what the spec says this is."""
    reason = f"the history does not fit the spec, a {case.spec.model}: {why}; give --spec what it was recorded of"
    return Verdict(property=NAME, validity="unknown", sentence=f"{case.lock} was not judged: {reason}", lock=case.lock,
                   reason=reason)  # fmt: skip


def _verdict(case: Case, found: Judged) -> Verdict:
    name = f"{case.lock}[{', '.join(found.keys)}]" if found.keys else case.lock
    figures = {"operations": len(found.calls), "configurations": found.outcome.effort.configurations}
    if found.valid:
        clients = len({call.client for call in found.calls})
        sentence = f"{len(found.calls)} calls on {name} can be explained by one order of effects"
        return valid(NAME, case.lock, sentence, f"{len(found.calls)} calls by {clients} clients",
                     assumptions=READINGS, figures=dict(figures))  # fmt: skip
    calls = [found.calls[i] for i in (found.outcome.pending if found.witness is None else found.witness.operations)]
    start, end = min(call.inv for call in calls), max(min(call.ret, case.end) for call in calls)
    invalid = found.valid is False
    return Verdict(
        property=NAME,
        validity="invalid" if invalid else "unknown",
        sentence=f"{name}: {found.why}",
        lock=case.lock,
        kind="not-linearizable" if invalid else None,
        reason=None if invalid else found.why,
        witness=_events(case, calls, start, end),
        faults=case.in_force(start, end),
        assumptions=READINGS,
        figures=dict(figures),
    )


def _events(case: Case, calls: Iterable[Call], start: int, end: int) -> list[WitnessEvent]:
    events = [event for call in calls for event in of_call(case, call)]
    return in_order([*events, *of_faults(case, start, end)])
