"""Stretches of time in which nobody was inside, nobody could still own the lock, and the servers could be reached.

A stretch is a row [begin, end] (ns) of an array of shape (n, 2).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from checker.case import Case
from histories.columns import ENDING, NEVER, Call

Spans = NDArray[np.int64]


def spans(begin: NDArray[np.int64], end: NDArray[np.int64]) -> Spans:
    """Stretches from their beginnings and ends."""
    return np.stack((begin, end), axis=1)


def without(start: int, end: int, taken: Spans) -> Spans:
    """[start, end] without the stretches ``taken``, in order of time."""
    if len(taken) == 0:
        return np.array([[start, end]], np.int64)[: int(end > start)]
    ranked = taken[np.argsort(taken[:, 0], kind="stable")]
    free_from = np.concatenate(([start], np.maximum(np.maximum.accumulate(ranked[:, 1]), start)))
    free_until = np.concatenate((np.minimum(ranked[:, 0], end), [end]))
    free = free_from < free_until
    return spans(free_from[free], free_until[free])


def insides(case: Case) -> Spans:
    """When somebody was inside."""
    some = case.holds.left > case.holds.entered
    return spans(case.holds.entered[some], case.holds.left[some])


def owned(case: Case) -> Spans:
    """When somebody may have owned the lock: holds until they were released, lapsed or (where nothing lapses) their
    client was gone; attempts of unknown effect likewise."""
    attempts = np.flatnonzero(case.calls.acquires & case.doubtful)
    held = spans(case.calls.inv[case.holds.acquire], _owned_until(case))
    return np.concatenate((held, spans(case.calls.inv[attempts], _perhaps_until(case, attempts))))


def _owned_until(case: Case) -> NDArray[np.int64]:
    if case.spec.lease_ns is not None:
        return np.minimum(case.leases.freed, case.leases.possible)
    return np.maximum(case.holds.left, np.minimum(case.leases.freed, _gone(case)[case.holds.client]))


def _perhaps_until(case: Case, attempts: NDArray[np.intp]) -> NDArray[np.int64]:
    settled = np.minimum(_settled(case, attempts), NEVER)
    if case.spec.lease_ns is None:
        return np.minimum(settled, _gone(case)[case.calls.client[attempts]])
    lease = int(case.spec.lease_ns * (1 + case.spec.drift)) + case.spec.margin_ns
    ret = case.calls.ret[attempts]
    return np.minimum(settled, np.where(ret == NEVER, NEVER, np.minimum(ret, NEVER - lease) + lease))


def _settled(case: Case, attempts: NDArray[np.intp]) -> NDArray[np.int64]:
    """When a release of each attempt had first been answered, NEVER where none was."""
    calls = case.calls
    answered = (calls.outcome == ENDING["ok"]) | (calls.outcome == ENDING["fail"])
    rows = np.flatnonzero(calls.is_op("release") & answered)
    order = np.lexsort((calls.ret[rows], calls.attempt.keys[rows]))
    keys, ret = calls.attempt.keys[rows][order], calls.ret[rows][order]
    at = np.searchsorted(keys, calls.attempt.keys[attempts])
    if len(keys) == 0:
        return np.full(len(attempts), NEVER)
    at = np.minimum(at, len(keys) - 1)
    return np.where(keys[at] == calls.attempt.keys[attempts], ret[at], NEVER)


def _gone(case: Case) -> NDArray[np.int64]:
    """Per client, when it owns nothing any more: at once when it ended, or when its session has lapsed."""
    gone = case.record.gone
    if case.spec.session_ns is None:
        return gone
    return np.where(gone == NEVER, NEVER, gone + 2 * case.spec.session_ns)


def unreachable(case: Case) -> Spans:
    """When a fault was in force that hit more than single clients."""
    processes = case.record.process_numbers.keys()
    hit = [
        (window.asked, window.healed)
        for window in case.windows
        if not window.targets or not {case.lives.process(name) for name in window.targets} <= processes
    ]
    return np.array(hit, np.int64).reshape(-1, 2)


def tried_in_vain(case: Case, begin: int, end: int, bound: int) -> Iterator[Call]:
    """Attempts that were pending or came back empty in [begin, end], later than ``bound`` ns after its beginning; those
    of clients that a fault singled out at that time do not count."""
    calls = case.calls
    rows = case.acquires_between(begin + bound + 1, end - 1)
    for call in case.made(rows[~(case.granted[rows] & (calls.ret[rows] <= end))]):
        hit = case.record.aimed.meets(case.lives.process(call.client), call.inv, call.ret)
        if not hit and case.lives.killed(call.client) > begin + bound:
            yield call
