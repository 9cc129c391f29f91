"""How fairly a lock served those who asked: overtakes, Jain's index over clients, the longest wait. Figures only."""

from __future__ import annotations

import numpy as np

from checker.availability import asked_until
from checker.case import MS, Case
from checker.verdict import Figure


def of_case(case: Case) -> dict[str, Figure]:
    """For locks that two clients or more asked for, by the order of calls and of returns:

    ``overtakes``: pairs of granted attempts of which the one that called later was granted first, the one within the
    other. Both asked at that time and nobody can say whose request came first, so it is the most that may have
    happened. ``max_overtaken``: the most by which one attempt was overtaken (its bypass). ``jain_index``: of the grants
    per client process that asked, from 1/clients (one had them all) to 1 (all had as many; R. Jain, D. Chiu, W. Hawe,
    A quantitative measure of fairness, 1984). ``longest_wait_ms``: of any attempt that waits, granted or not.
    """
    asked = np.flatnonzero(case.calls.acquires)
    process = case.record.process
    askers = np.unique(process[np.unique(case.calls.client[asked])])
    if len(askers) < 2:
        return {}
    first, last = case.record.hold_bounds[case.number : case.number + 2].tolist()
    overtaken = case.record.overtaken[first:last]
    figures: dict[str, Figure] = {"overtakes": int(overtaken.sum()), "max_overtaken": int(overtaken.max(initial=0))}
    if len(case.holds):
        figures["jain_index"] = jain_index(np.unique(process[case.holds.client], return_counts=True)[1], len(askers))
    waiting = np.flatnonzero(case.calls.is_op("acquire"))
    if len(waiting):
        longest = int((asked_until(case, waiting) - case.calls.inv[waiting]).max())
        figures["longest_wait_ms"] = round(longest / MS, 3)
    return figures


def jain_index(grants: np.ndarray[tuple[int], np.dtype[np.int64]], clients: int) -> float:
    """Jain's index of ``grants`` (of those who had any) over so many clients; there is at least one grant."""
    shares = grants / grants.sum()
    return round(float(1 / (clients * (shares**2).sum())), 4)
