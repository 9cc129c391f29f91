"""Whether a trial gave the lock a chance to break: a valid verdict that had none is vacuous, so it becomes unknown.

DESIGN §4: two clients held; whenever a fault took effect somebody held or waited; and some other client's attempt was
pending through the whole window, or decided inside it or within the recovery bound after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from checker.case import MS, Case
from checker.insides import SHARED
from checker.overlap import in_use
from checker.windows import Window
from histories.columns import Call

NO_BOUND_NS = 5_000 * MS
"""How long after a window an attempt may still be decided, for locks that promise no recovery and do not lapse."""
NAMED = 20
"""Of so many faults the opportunity is told one by one (a trial has a few)."""
FIRST_LOOK = 64
"""So many attempts are looked at before more are."""


@dataclass(frozen=True)
class Opportunity:
    """``missing``: why there was none, None where there was. ``words``: what it was."""

    missing: str | None
    words: str


def recovery_bound(case: Case) -> int:
    """The promised recovery in ns, else the lease or session, else NO_BOUND_NS."""
    spec = case.spec
    return spec.recovery_ns or spec.lease_ns or spec.session_ns or NO_BOUND_NS


def two_held(case: Case) -> Opportunity:
    """Whether two clients ever held it, which is the least."""
    if len(case.calls) and not len(case.attempts):
        return Opportunity("nobody ever asked for the lock (is it a store? Then say so with --spec, as register)", "")
    holders = np.unique(case.record.process[np.unique(case.holds.client)])
    if len(holders) < 2:
        who = f"only {case.lives.process(case.client(case.holds.client[0]))}" if len(holders) else "nobody"
        return Opportunity(f"{who} ever held the lock, so two could not meet", "")
    return Opportunity(None, f"{len(case.holds)} holds by {len(holders)} clients")


def never_too_many(case: Case) -> str | None:
    """Why a lock that several may hold at once was never asked for one hold too many; None where it was, and for a
    mutex."""
    spec, calls = case.spec, case.calls
    if spec.read_write and not (case.granted & (calls.mode != SHARED)).any():
        return "nobody ever held it to write, and readers may be inside together"
    if spec.permits > 1:
        full = np.array(in_use(case.holds, calls, spec), np.int64).reshape(-1, 2)
        inv, ret = calls.inv[case.attempts], calls.ret[case.attempts]
        at = np.searchsorted(full[:, 1], inv, side="right")
        there = at < len(full)
        if not (full[at[there], 0] < ret[there]).any():
            return f"nobody ever asked for it while all {spec.permits} permits were in use"
    return None


def opportunity(case: Case) -> Opportunity:
    """What opportunity the trial gave this lock."""
    held = two_held(case)
    missing = held.missing or never_too_many(case)
    if missing:
        return Opportunity(missing, "")
    words = [held.words]
    for window in case.windows:
        missing, said = _of_window(case, window)
        if missing:
            return Opportunity(missing, "")
        words.append(said)
    more = len(words) - 1 - NAMED
    if more > 0:
        words[1 + NAMED :] = [f"{more} more faults likewise"]
    return Opportunity(None, "; ".join(words))


def _of_window(case: Case, window: Window) -> tuple[str | None, str]:
    """(why the fault had no opportunity or None, what it was)."""
    exposed = _exposed(case, window)
    if len(exposed) == 0:
        return f"nobody held or waited when {window.label()} took effect", ""
    healed = min(window.healed, case.end)
    pending = case.acquires_between(healed, window.effective)
    for rows in chain([pending], _decided(case, window.asked, healed + recovery_bound(case))):
        others = rows[_of_others(case, window, exposed, rows)]
        if len(others):
            call = case.calls.call(int(others.min()))
            if call.inv <= window.effective and call.ret >= healed:
                return None, f"{call.client} waited all through {window.label()}"
            return None, f"an attempt of {call.client} was decided {_when(case, call, window)}"
    return f"no other client's attempt was pending through {window.label()} or decided in time after it", ""


def _decided(case: Case, start: int, end: int) -> Iterator[NDArray[np.intp]]:
    """The attempts that were decided in [start, end] (ns), the first ones first, more and more at a time."""
    rows = case.decided
    at, last = np.searchsorted(case.calls.ret[rows], (start, end + 1)).tolist()
    some = FIRST_LOOK
    while at < last:
        yield rows[at : min(at + some, last)]
        at, some = at + some, 2 * some


def _exposed(case: Case, window: Window) -> NDArray[np.int32]:
    """The client processes that held or waited when the fault took effect."""
    start, end = window.asked, window.effective
    held = case.holds.client[case.holds_between(start, end)]
    waited = case.calls.client[case.acquires_between(start, end)]
    return np.unique(case.record.process[np.concatenate((held, waited))])


def _of_others(case: Case, window: Window, exposed: NDArray[np.int32], rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of these calls are by a process that the fault did not target, while some other one was exposed to it."""
    process = case.record.process[case.calls.client[rows]]
    numbers = case.record.process_numbers
    targets = [numbers[name] for target in window.targets if (name := case.lives.process(target)) in numbers]
    alone = exposed[0] if len(exposed) == 1 else -1
    others: NDArray[np.bool_] = ~np.isin(process, targets) & (process != alone)
    return others


def _when(case: Case, call: Call, window: Window) -> str:
    if call.ret <= window.healed:
        return f"while {window.label()} was in force"
    return f"{(call.ret - window.healed) / MS:.0f} ms after {window.label()} was healed"
