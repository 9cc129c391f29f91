"""Refusals are justified: nobody is refused while the lock is certainly free. Judged for exact refusals only.

Locks that vote or queue refuse rightly while nobody holds, so for them this is no promise. Never part of mutual
exclusion (CHECKERS §3).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise

from checker.calls import NEVER, Call
from checker.case import Case
from checker.leases import certain_end, possible_end
from checker.linear.operations import NOT_ASKED, operations
from checker.linear.owner_mutex import owner_mutex
from checker.verdict import Verdict
from checker.witness import in_order, of_call, of_faults
from histories.spec import Spec

NAME = "refusal-justified"


def applies(spec: Spec) -> bool:
    """Mutexes with owners whose refusals are exact."""
    mutex = spec.permits == 1 and not spec.read_write and spec.reentry_limit == 1
    return spec.refusals == "exact" and spec.owners == "owner" and mutex


def judge(case: Case) -> Verdict | None:
    """Judge one lock; None where nobody was refused."""
    refused = [
        call for call in case.acquires if call.outcome == "fail" and not (call.error or "").startswith(NOT_ASKED)
    ]
    if not refused:
        return None
    return _lapsing(case, refused) if case.spec.lapses else _never_lapsing(case, refused)


def _never_lapsing(case: Case, refused: Sequence[Call]) -> Verdict:
    """Exact, by forced gaps."""
    answer = owner_mutex(operations(case.calls, case.spec))
    if answer.valid:
        return _valid(case, refused)
    if answer.kind == "refused-while-free":
        return _invalid(case, case.calls[answer.witness[0].number])
    why = answer.why if answer.valid is None else f"holds do not follow one another ({answer.why}), so nothing is free"
    sentence = f"whether refusals of {case.lock} are right is unknown: {why}"
    return Verdict(property=NAME, validity="unknown", sentence=sentence, lock=case.lock, reason=why)


def _lapsing(case: Case, refused: Sequence[Call]) -> Verdict:
    """Sound: a refusal is wrong if it meets no time at which somebody may have held. Such times are clipped by the
    certain holds of others, because extents alone would excuse too much (the trap of CHECKERS §3)."""
    spans = sorted(_possible(case))
    furthest = list(accumulate((end for _, end in spans), max))
    starts = [start for start, _ in spans]
    for call in refused:
        before = bisect_left(starts, call.ret + 1)
        if before == 0 or furthest[before - 1] < call.inv:
            return _invalid(case, call)
    return _valid(case, refused)


def _possible(case: Case) -> list[tuple[int, int]]:
    """Times at which some attempt may have held the lock."""
    spec = case.spec
    certain = [(hold.entered, certain_end(hold, spec), hold) for hold in case.holds]
    certain = [entry for entry in certain if entry[0] < entry[1]]
    met = any(after[0] < before[1] for before, after in pairwise(certain))
    spans = []
    for hold in case.holds:
        freed = min((call.ret for call in hold.releases if call.outcome == "ok"), default=NEVER)
        span = (hold.acquire.inv, min(freed, possible_end(hold, spec)))
        spans.append(span if met else _clipped(span, hold.entered, certain_end(hold, spec), certain))
    spans += [(call.inv, NEVER) for call in case.acquires if call.doubtful]
    return spans


def _clipped(
    span: tuple[int, int], entered: int, certain: int, others: Sequence[tuple[int, int, object]]
) -> tuple[int, int]:
    """A hold that certainly held from ``entered`` on began after the certain hold before it ended."""
    if certain <= entered:
        return span
    at = bisect_left(others, entered, key=lambda entry: entry[0])
    start = max(span[0], others[at - 1][1]) if at else span[0]
    after = at + 1
    return start, min(span[1], others[after][0]) if after < len(others) else span[1]


def _valid(case: Case, refused: Sequence[Call]) -> Verdict:
    sentence = f"{len(refused)} refusals of {case.lock}: somebody may have held it each time"
    return Verdict(
        property=NAME, validity="valid", sentence=sentence, lock=case.lock, figures={"refused": len(refused)}
    )


def _invalid(case: Case, call: Call) -> Verdict:
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=f"{call.client} was refused {case.lock} although nobody can have held it then",
        lock=case.lock,
        kind="refused-while-free",
        witness=in_order([*of_call(case, call), *of_faults(case, call.inv, call.ret)]),
        faults=case.in_force(call.inv, call.ret),
        assumptions=["refusals are exact: one atomic server command decides"],
    )
