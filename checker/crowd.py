"""Who was inside together when there were too many, in words, and who of them is to be described.

Of a mutex and of a read-write lock any two that met are a violation by themselves. A semaphore is shared as it should
be until one permit too many is given away: then all who were inside belong to it, and any of them may be the one whose
permit somebody else was given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checker.case import Case
from checker.description import Description, describe
from checker.holds import Hold
from checker.overlap import Overlap
from histories.columns import Call
from histories.spec import Spec

NAMED = 5
"""So many clients are named at most."""
BLAME = ("overstay", "unproven", "double-grant")
"""Which of several descriptions tells how a permit was given away twice: one that outlived its session or lease; only
if all of them certainly had not it was a double grant."""


@dataclass(frozen=True)
class Crowd:
    """``holds``, in order of entering, were inside together when the last of them entered; that was too many for
    ``length`` (ns)."""

    holds: list[Hold]
    length: int


def crowd_of(case: Case, overlap: Overlap) -> Crowd:
    """Who was inside when the second one of an overlap entered."""
    if case.spec.permits == 1:
        return Crowd([overlap.first, overlap.second], overlap.length)
    near = case.holds_between(overlap.start, overlap.start)
    holds = [hold for number in near.tolist() if (hold := case.hold(number)).left > overlap.start]
    excess = sum(hold.acquire.permits for hold in holds) - case.spec.permits
    leaving = sorted(holds, key=lambda hold: hold.left)
    until = leaving[int(np.argmax(np.cumsum([hold.acquire.permits for hold in leaving]) >= excess))].left
    return Crowd(holds, until - overlap.start)


def described(case: Case, overlap: Overlap) -> tuple[Overlap, Description]:
    """How an overlap came about; of a semaphore's crowd, by the one that tells it."""
    if case.spec.permits == 1:
        return overlap, describe(case, overlap)
    second = overlap.second
    pairs = [Overlap(hold, second) for hold in crowd_of(case, overlap).holds if hold is not second]
    found = [(pair, describe(case, pair)) for pair in pairs]
    return min(found, key=lambda one: (BLAME.index(one[1].kind), one[1].cause == "unproven"))


def together(case: Case, crowd: Crowd) -> str:
    """Who was inside together, and why that was too many."""
    names = [_named(case.spec, hold.acquire) for hold in crowd.holds]
    if case.spec.permits == 1:
        return f"{names[0]} and {names[1]} were both inside {case.lock}"
    more = len(names) - NAMED
    shown = [*names[:NAMED], *([f"{more} more"] if more > 0 else [])]
    taken = sum(hold.acquire.permits for hold in crowd.holds)
    who = f"{', '.join(shown[:-1])} and {shown[-1]}"
    return f"{who} were inside {case.lock} together, with {taken} of {case.spec.permits} permits,"


def _named(spec: Spec, acquire: Call) -> str:
    return (
        f"{acquire.client} ({'reading' if acquire.mode == 'shared' else 'writing'})"
        if spec.read_write
        else acquire.client
    )


def never_together(spec: Spec, lock: str) -> str:
    """What was kept."""
    if spec.permits > 1:
        return f"never more than {spec.permits} permits of {lock} in use"
    return f"never a writer and anybody else inside {lock}" if spec.read_write else f"never two clients inside {lock}"
