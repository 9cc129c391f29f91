"""Fairness: a waiting attempt is not overtaken by more later arrivals than the lock promises (CHECKERS §10).

First come, first served can only be asked of a lock once it knows who came first (L. Lamport's doorway), and calls do
not show when a request arrives. So an attempt counts as *waiting* once it was seen to: woken, or its place in the queue
observed; else when its call had been under way for as long as any call that need not wait took to be answered, and for
PATIENCE_NS at least. Neither counts while a fault is in force or its recovery lasts, when requests and places are lost;
and a client's first attempt may have to connect, so that one counts only when it was seen.

An attempt that was called while another was waiting, and came back with the lock while that other, granted later, still
waited, has *overtaken* it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.case import MS, Case
from checker.opportunity import recovery_bound
from checker.overtakes import nested
from checker.verdict import Figure, Verdict, vacuous, valid
from checker.witness import in_order, of_call
from histories.columns import ENDING, NEVER
from histories.labels import NO_NAME
from histories.rows import Wake
from histories.spec import Spec

NAME = "fairness"
PATIENCE_NS = 50 * MS
"""How long after its call an attempt is taken to be waiting at the earliest (threads are scheduled late)."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Waits:
    """Per hold, its acquire: [``inv``, ``ret``] in ns, and when it was certainly waiting: [``since``, ``until``), empty
    where that is not known. ``settled``: no fault was asked for before it was granted."""

    inv: Ints
    ret: Ints
    since: Ints
    until: Ints
    settled: NDArray[np.bool_]


def applies(spec: Spec) -> bool:
    """Locks that promise how many may overtake."""
    return spec.most_overtakes is not None


def _several(spec: Spec) -> bool:
    return spec.permits > 1 or spec.read_write


def judge(case: Case) -> Verdict:
    """Judge one lock; a trial in which nobody called while another certainly waited shows nothing."""
    limit, patience = case.spec.most_overtakes or 0, _patience(case)
    reading = (
        f"an attempt waits once it was woken or seen in the queue, or {patience / MS:.0f} ms after its call (not in "
        "the time of a fault, nor at its client's first attempt)"
    )
    if _several(case.spec):
        reading += "; replies may be as late, so who came back first by less was not certainly granted first"
    waits = _waits(case, patience)
    overtaken = nested(waits.inv, waits.ret, waits.since, waits.until)
    called = np.sort(waits.inv)
    tried = np.searchsorted(called, waits.until, side="left") > np.searchsorted(called, waits.since, side="left")
    tried &= waits.settled | (overtaken > 0)
    figures: dict[str, Figure] = {
        "overtakes": int(overtaken.sum()),
        "max_overtaken": int(overtaken.max(initial=0)),
        "overtakable": int(tried.sum()),
    }
    if figures["max_overtaken"] > limit:  # type: ignore[operator]
        return _invalid(case, waits, int(np.argmax(overtaken)), limit, reading, figures)
    if not figures["overtakable"]:
        missing = "nobody called while another had certainly been waiting"
        return vacuous(NAME, case.lock, missing, assumptions=[reading], figures=figures)
    chance = f"{figures['overtakable']} attempts were waiting when others called"
    sentence = f"nobody waiting for {case.lock} was overtaken more than {figures['max_overtaken']} times: {chance}"
    return valid(NAME, case.lock, sentence, chance, assumptions=[reading], figures=figures)


def _patience(case: Case) -> int:
    """For how long (ns) a call may be under way before it certainly waits."""
    calls = case.calls
    answered = (calls.outcome == ENDING["ok"]) | (calls.outcome == ENDING["fail"])
    prompt = np.flatnonzero(answered & (calls.is_op("try") | calls.is_op("release") | calls.is_op("renew")))
    prompt = prompt[~_troubled(case, calls.inv[prompt])]
    return max(PATIENCE_NS, int((calls.ret[prompt] - calls.inv[prompt]).max(initial=0)))


def _troubled(case: Case, t: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of these times lie in a fault's window or in the time the lock may take to recover from it."""
    bound = recovery_bound(case)
    asked = np.array([window.asked for window in case.windows], np.int64)
    over = np.array([-NEVER, *(min(window.healed, NEVER - bound) + bound for window in case.windows)], np.int64)
    troubled: np.ndarray[tuple[int], np.dtype[np.bool_]]
    troubled = np.maximum.accumulate(over)[np.searchsorted(asked, t, side="right")] >= t
    return troubled


def _waits(case: Case, patience: int) -> Waits:
    """When each holder's acquire was certainly waiting, as far as no fault was asked for meanwhile."""
    rows = case.holds.acquire
    inv, ret = case.calls.inv[rows], case.holds.entered
    asks = np.flatnonzero(case.calls.acquires)
    first = asks[np.unique(case.calls.client[asks], return_index=True)[1]]
    since = np.where(np.isin(rows, first), NEVER, inv + patience)
    since = np.minimum(since, _seen(case)[rows])
    since[_troubled(case, inv) | ~case.calls.is_op("acquire")[rows]] = NEVER
    asked = np.array([*(window.asked for window in case.windows), NEVER], np.int64)
    # Where several hold, who came back first need not have been granted first: replies, too, may be late.
    granted = ret - patience if _several(case.spec) else ret
    asked = asked[np.searchsorted(asked, inv)]
    return Waits(inv, ret, since, np.minimum(granted, asked), asked > ret)


def _seen(case: Case) -> Ints:
    """Per call, when its attempt was first woken or observed in a queue; NEVER where it was not."""
    signs = [(row.attempt, row.t) for row in case.record.by_lock.get(case.lock, []) if isinstance(row, Wake)]
    signs += [(life.owner, life.began) for life in case.observed.lives if life.owner and life.began is not None]
    seen = np.full(len(case.calls), NEVER)
    pairs = [(key, t) for attempt, t in signs if (key := case.attempt_key(attempt)) != NO_NAME]
    if not pairs:
        return seen
    keys, times = np.array(sorted(pairs), np.int64).T
    at = np.minimum(np.searchsorted(keys, case.calls.attempt.keys), len(keys) - 1)
    return np.where(keys[at] == case.calls.attempt.keys, times[at], seen)


def _invalid(case: Case, waits: Waits, worst: int, limit: int, reading: str, figures: dict[str, Figure]) -> Verdict:
    """The attempt that was overtaken most, and as many of those that overtook it as prove it."""
    overtook = (waits.inv >= waits.since[worst]) & (waits.ret < waits.until[worst])
    calls = [case.calls.call(int(row)) for row in case.holds.acquire[np.append(worst, np.flatnonzero(overtook))]]
    victim, others = calls[0], calls[1 : limit + 2]
    waited = (waits.since[worst] - waits.inv[worst]) / MS
    names = ", ".join(dict.fromkeys(call.client for call in others))
    sentence = (
        f"{victim.client} had waited {waited:.0f} ms for {case.lock} or longer when others called that were granted "
        f"it first, {len(calls) - 1} in all (promised: {limit} at most): {names}"
    )
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=sentence,
        lock=case.lock,
        kind="overtaken",
        witness=in_order([event for call in [victim, *others] for event in of_call(case, call)]),
        faults=case.in_force(victim.inv, victim.ret),
        assumptions=[reading],
        figures=figures,
    )
