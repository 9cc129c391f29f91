"""Herd: one release wakes no more waiters than the lock promises. Judged only where it promises a number."""

from __future__ import annotations

import numpy as np

from checker.availability import asked_until
from checker.case import Case
from checker.verdict import Verdict, WitnessEvent, vacuous, valid
from checker.wakes import Herd, herd, of_case
from checker.witness import in_order, of_faults, of_hold
from histories.spec import Spec

NAME = "herd"
READING = "a wake counts for the latest release before it, unless somebody was granted the lock in between"


def applies(spec: Spec) -> bool:
    """Locks that promise how many waiters a release wakes."""
    return spec.most_woken is not None


def judge(case: Case) -> Verdict:
    """Judge one lock; a trial in which no release could have woken one too many shows nothing."""
    limit = case.spec.most_woken or 0
    found = herd(case)
    if found is not None and found.woken.max(initial=0) > limit:
        return _invalid(case, found, limit)
    figures = of_case(case)
    if found is None:
        return vacuous(NAME, case.lock, "no wake was recorded", assumptions=[READING])
    most = _most_waiting(case, found)
    if most <= limit:
        missing = f"never more than {most} waited when {case.lock} was released"
        return vacuous(NAME, case.lock, missing, assumptions=[READING], figures=figures)
    chance = f"up to {most} waited at one of {len(found.releases)} releases"
    sentence = f"no release of {case.lock} woke more than {figures['max_woken']} (promised: {limit}): {chance}"
    return valid(NAME, case.lock, sentence, chance, assumptions=[READING], figures=figures)


def _most_waiting(case: Case, found: Herd) -> int:
    """The most attempts that were waiting at the instant of a release."""
    rows = np.flatnonzero(case.calls.is_op("acquire"))
    called, until = np.sort(case.calls.inv[rows]), np.sort(asked_until(case, rows))
    left = case.holds.left[found.releases]
    waiting = np.searchsorted(called, left, side="left") - np.searchsorted(until, left, side="right")
    return int(waiting.max(initial=0))


def _invalid(case: Case, found: Herd, limit: int) -> Verdict:
    """The release that woke most, and as many of those it woke as prove it."""
    worst = int(np.argmax(found.woken))
    hold = case.hold(int(found.releases[worst]))
    shown: dict[tuple[str, str], WitnessEvent] = {}
    for row in [found.rows[at] for at in np.flatnonzero(found.release == worst)]:
        if len(shown) <= limit:
            how = f" ({row.how})" if row.how else ""
            shown.setdefault(
                (row.client, row.attempt), case.event(row.t, row.client, f"is woken{how}", "wake", row.attempt)
            )
    end = max(event.t for event in shown.values())
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=f"when {hold.client} left {case.lock}, {found.woken[worst]} waiters were woken (promised: {limit})",
        lock=case.lock,
        kind="herd",
        witness=in_order([*of_hold(case, hold), *shown.values(), *of_faults(case, hold.left, end)]),
        faults=case.in_force(hold.left, end),
        assumptions=[READING],
        figures=of_case(case),
    )
