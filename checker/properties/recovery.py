"""Recovery and orphans: after things went wrong, the lock can be had again.

*Recovery*: after the last heal (or the last fault, where nothing was healed) some client acquires within the promised
bound. *Orphan*: a lock nobody is inside of and nobody may still own, that cannot be acquired. A dead client owns
nothing: its lease or session lapses, and where nothing lapses, the lock it leaves behind is the orphan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from checker.availability import recovery_times
from checker.case import MS, Case
from checker.holds import Hold
from checker.opportunity import recovery_bound
from checker.stretches import Spans, insides, owned, tried_in_vain, unreachable, without
from checker.verdict import Verdict, valid
from checker.witness import in_order, of_call, of_faults, of_hold
from histories.columns import NEVER, Call
from histories.spec import Spec

Span = tuple[int, int]

RECOVERY = "recovery"
ORPHAN = "orphan"


def applies(spec: Spec) -> bool:
    """Locks that promise a bound."""
    return spec.recovery_ns is not None


def judge_recovery(case: Case) -> Verdict | None:
    """Judge one lock; None where no fault was asked for."""
    if not case.windows:
        return None
    since = max(window.healed if window.healed < NEVER else window.effective for window in case.windows)
    bound = case.spec.recovery_ns or 0
    grant = _first_grant(case, since)
    limit = grant.ret if grant is not None else case.end
    reading = f"within {bound / MS:.0f} ms after the last heal, not counting time somebody was inside"
    free = without(since, limit, insides(case))
    for span, in_vain in _barred(case, free, bound):
        if in_vain:
            again = "" if grant is None else f", until {grant.client} was granted it"
            return _stuck(case, RECOVERY, span, in_vain, again, reading)
    if grant is not None:
        took = (grant.ret - since) / MS
        sentence = (
            f"{grant.client} was granted {case.lock} {took:.0f} ms after the last heal (promised: {bound / MS:.0f} ms)"
        )
        chance = f"{len(case.windows)} faults, and a grant after the last"
        return valid(RECOVERY, case.lock, sentence, chance, assumptions=[reading],
                     figures={"recovery_ms": round(took, 3), **recovery_times(case)})  # fmt: skip
    return _undecided(case, free, bound, reading)


def _first_grant(case: Case, since: int) -> Call | None:
    rows = np.flatnonzero(case.granted & (case.calls.ret >= since))
    return case.calls.call(int(rows[np.argmin(case.calls.ret[rows])])) if len(rows) else None


def _barred(case: Case, free: Spans, bound: int) -> Iterator[tuple[Span, list[Call]]]:
    """Stretches longer than the bound, each with the attempts that were in vain there."""
    for begin, end in free[free[:, 1] - free[:, 0] > bound].tolist():
        yield (begin, end), list(tried_in_vain(case, begin, end, bound))


def _undecided(case: Case, free: Spans, bound: int, reading: str) -> Verdict:
    longest = int((free[:, 1] - free[:, 0]).max(initial=0))
    if not len(free):
        why = "somebody was inside from the last heal to the end"
    elif longest <= bound:
        why = f"the trial ended {longest / MS:.0f} ms after the last heal, before the bound of {bound / MS:.0f} ms"
    else:
        why = "nobody tried to acquire it after the last heal for as long as the bound"
    sentence = f"whether {case.lock} can be had again is unknown: {why}"
    return Verdict(property=RECOVERY, validity="unknown", sentence=sentence, lock=case.lock, reason=why,
                   assumptions=[reading])  # fmt: skip


def judge_orphan(case: Case) -> Verdict | None:
    """Judge one lock; None where nobody ever tried to acquire it."""
    if not case.calls.acquires.any():
        return None
    bound = recovery_bound(case)
    reading = f"refused or kept waiting for more than {bound / MS:.0f} ms while nobody was inside or may have owned it"
    taken = np.concatenate((insides(case), owned(case), unreachable(case)))
    for span, in_vain in _barred(case, without(case.start, case.end, taken), bound):
        if in_vain:
            return _stuck(case, ORPHAN, span, in_vain, "", reading)
    sentence = f"{case.lock} was never out of reach while nobody could own it"
    chance = f"{int(case.calls.acquires.sum())} attempts to acquire it"
    return valid(ORPHAN, case.lock, sentence, chance, assumptions=[reading])


def _last_to_leave(case: Case, t: int) -> Hold | None:
    numbers = np.flatnonzero(case.holds.left <= t)
    return case.hold(int(numbers[np.argmax(case.holds.left[numbers])])) if len(numbers) else None


def _stuck(case: Case, name: str, span: Span, in_vain: Sequence[Call], again: str, reading: str) -> Verdict:
    start, end = span
    clients = sorted({call.client for call in in_vain})
    last = _last_to_leave(case, start)
    left = ""
    if last is not None:
        ways = {"killed": "was killed", "released": "had called release", "end": "stayed"}
        left = f"; the last to hold it, {last.client}, {ways.get(last.why_left, 'had left')}"
    events = [*(of_hold(case, last) if last is not None else ())]
    for call in in_vain[:3]:
        events += of_call(case, call)
    begin = last.entered if last is not None else start
    return Verdict(
        property=name,
        validity="invalid",
        sentence=(
            f"for {(end - start) / MS:.0f} ms nobody was inside {case.lock} and {', '.join(clients[:4])} could not "
            f"acquire it{again}{left}"
        ),
        lock=case.lock,
        kind="never-came-back" if end >= case.end else "late",
        witness=in_order([*events, *of_faults(case, begin, end)]),
        faults=case.in_force(begin, end),
        assumptions=[reading],
        figures={"stuck_ms": round((end - start) / MS, 3), "attempts_in_vain": len(in_vain)},
    )
