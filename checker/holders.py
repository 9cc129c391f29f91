"""Who held a lock when a resource did something: the events that make a witness of an effect or a run readable."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checker.case import Case
from checker.holds import WHYS
from checker.verdict import WitnessEvent
from checker.witness import LEFT, LEFT_ROW, of_call
from histories.labels import NO_NAME

MOST_SHOWN = 3
"""So many other holders at most."""


def hold_of(case: Case, attempt: str) -> int | None:
    """The number of an attempt's hold among those of all locks, None where it was never granted."""
    key = case.attempt_key(attempt)
    holds, attempts = case.record.holds, case.record.calls.attempt.keys
    found = np.flatnonzero(attempts[holds.acquire] == key)
    return int(found[0]) if key != NO_NAME and len(found) else None


def of_holders(case: Case, attempt: str, lock: str, t: int) -> Iterator[WitnessEvent]:
    """How the holder of ``attempt`` had come in, and others who were inside ``lock`` at any time until ``t``."""
    own, holds = hold_of(case, attempt), case.record.holds
    since = t
    if own is not None:
        yield from _of_hold(case, own, t)
        since = min(t, int(holds.entered[own]))
    number = case.record.lock_numbers.get(lock, case.number)
    inside = (holds.lock == number) & (holds.entered <= t) & (holds.left > since)
    for other in np.flatnonzero(inside)[-MOST_SHOWN - 1 :].tolist():
        if other != own:
            yield from _of_hold(case, other, t)


def _of_hold(case: Case, number: int, t: int) -> Iterator[WitnessEvent]:
    holds = case.record.holds
    acquire = case.record.calls.call(int(holds.acquire[number]))
    yield from of_call(case, acquire)
    why, left = WHYS[holds.why[number]], int(holds.left[number])
    if left <= t:
        words = LEFT.get(why, f"leaves ({why})")
        yield case.event(left, acquire.client, words, LEFT_ROW.get(why, "leave"), acquire.attempt)
