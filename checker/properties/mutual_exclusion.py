"""Mutual exclusion as the user needs it: insides of two clients never meet. Exact, for every lock.

A found overlap is always invalid; how it came about is described on two axes (kind and cause). Without an overlap the
verdict is valid only where the trial gave it an opportunity, else unknown (vacuous).
"""

from __future__ import annotations

import numpy as np

from checker import figures
from checker.case import Case, in_ms
from checker.crowd import crowd_of, described, never_together, together
from checker.description import Description
from checker.insides import Meetings
from checker.opportunity import opportunity
from checker.overlap import Overlap
from checker.verdict import Figure, Verdict, WitnessEvent, vacuous, valid
from checker.witness import in_order, of_faults, of_hold, of_pauses

NAME = "mutual-exclusion"
READING = (
    "a client is inside from its outermost acquire's return until it calls release, leaves, is killed or the trial ends"
)
DESCRIBED = 400
"""How many overlaps at most are described to choose the most telling one (the longest ones)."""


def judge(case: Case) -> Verdict:
    """Sweep over the insides of one lock."""
    met = case.meetings
    numbers = figures.of_case(case) | figures.of_meetings(case, met)
    if len(met.second):
        return _invalid(case, met, numbers)
    chance = opportunity(case)
    if chance.missing:
        return vacuous(NAME, case.lock, chance.missing, assumptions=[READING], figures=numbers)
    sentence = f"{never_together(case.spec, case.lock)}: {chance.words}"
    return valid(NAME, case.lock, sentence, chance.words, assumptions=[READING], figures=numbers)


def _invalid(case: Case, met: Meetings, numbers: dict[str, Figure]) -> Verdict:
    longest = np.argsort(-figures.lengths(case, met), kind="stable")[:DESCRIBED]
    overlaps = [case.overlap(int(met.first[at]), int(met.second[at])) for at in longest]
    found = [described(case, overlap) for overlap in overlaps]
    for _, description in found:
        key = description.kind.replace("-", "_") + "s"
        numbers[key] = int(numbers.get(key, 0)) + 1
    overlap, description = min(found, key=_rank)
    faults = case.in_force(overlap.first.entered, overlap.end)
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=_sentence(case, overlap, description),
        lock=case.lock,
        kind=description.kind,
        sub_kind=description.sub_kind,
        cause=description.cause,
        witness=witness(case, overlap, description),
        faults=faults,
        assumptions=[READING, f"{description.kind}: {description.reading}"],
        figures=numbers,
    )


def _rank(found: tuple[Overlap, Description]) -> tuple[bool, bool, bool, int]:
    """The most telling first: double grants, proven causes, not frozen, long."""
    overlap, description = found
    return (
        description.kind != "double-grant",
        description.cause == "unproven",
        description.sub_kind is not None,
        -overlap.length,
    )


def _sentence(case: Case, overlap: Overlap, description: Description) -> str:
    first = overlap.first
    faults = case.in_force(overlap.start, overlap.start) or case.in_force(first.entered, overlap.end)
    during = f", while {faults[0].name} on {', '.join(faults[0].targets) or 'no target'} was in force" if faults else ""
    kind = description.kind.replace("-", " ") if description.kind != "unproven" else "an overlap of unproven kind"
    frozen = f", {description.sub_kind}" if description.sub_kind else ""
    crowd = crowd_of(case, overlap)
    return (
        f"{together(case, crowd)} for {in_ms(crowd.length)}: "
        f"{kind}{frozen}, cause {description.cause} ({description.why}){during}"
    )


def witness(case: Case, overlap: Overlap, description: Description) -> list[WitnessEvent]:
    """The minimal ordered events: the acquires, what the servers did, what each was told, how each left."""
    first = overlap.first
    events = [event for hold in crowd_of(case, overlap).holds for event in of_hold(case, hold)]
    events += description.evidence
    events += of_pauses(case, first.client, first.entered, overlap.end)
    events += of_faults(case, first.entered, overlap.end)
    return in_order(events)
