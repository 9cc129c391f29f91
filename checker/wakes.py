"""The herd: how many waiters each release woke (CHECKERS §10). Locks on one node wake all of them, queues wake one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.case import Case
from checker.holds import END
from checker.verdict import Figure
from histories.rows import Wake


@dataclass(frozen=True)
class Herd:
    """``releases``: numbers of the holds that ended before the trial did, in order of their ends. ``rows``: the wakes
    that count, in order of time; ``release``: for each, by which of the releases; ``woken``: per release, how many
    attempts it woke."""

    releases: NDArray[np.intp]
    rows: list[Wake]
    release: NDArray[np.intp]
    woken: NDArray[np.intp]


def herd(case: Case) -> Herd | None:
    """Wakes by release; None where the history holds no wakes of this lock.

    A wake counts for the latest release before it, if nobody was granted the lock in between: from the release's call
    to the return of the next acquire. Later ones may be about anything, a waiter that gave up or a poll, and are left
    out.
    """
    rows = [row for row in case.record.by_lock.get(case.lock, []) if isinstance(row, Wake)]
    if not rows:
        return None
    releases = np.flatnonzero(case.holds.why != END)
    releases = releases[np.argsort(case.holds.left[releases], kind="stable")]
    ends = case.holds.left[releases]
    t = np.array([row.t for row in rows], np.int64)
    release = np.searchsorted(ends, t, side="right") - 1
    entered = np.concatenate((case.holds.entered, [case.end]))
    granted = (
        np.searchsorted(case.holds.entered, ends[release], side="right") if len(ends) else np.zeros(len(t), np.intp)
    )
    counts = np.flatnonzero((release >= 0) & (t <= entered[granted]))
    rows, release = [rows[at] for at in counts], release[counts]
    woken = {(at, row.client, row.attempt) for at, row in zip(release.tolist(), rows, strict=True)}
    return Herd(releases, rows, release, np.bincount([at for at, _, _ in woken], minlength=len(releases)))


def of_case(case: Case) -> dict[str, Figure]:
    """``wakes`` between a release and the next grant, ``wakes_per_release``; ``max_woken``: attempts by one release."""
    found = herd(case)
    if found is None:
        return {}
    return {
        "wakes": len(found.rows),
        "wakes_per_release": round(len(found.rows) / max(1, len(found.releases)), 3),
        "max_woken": int(found.woken.max(initial=0)),
    }
