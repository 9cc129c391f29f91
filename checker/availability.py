"""Whether the lock could be had: outages, the share of the trial without them, and how soon a fault was over.

A history shows that a lock can be had only when somebody asks. So an *outage* is time in which nobody was inside though
somebody asked all the time, for longer than GRACE_NS at a stretch. Held time counts as available, whoever holds and
whatever that client does; so does time in which nobody asked. An attempt asks from its call to its return or its
client's death; after one that came back empty-handed, whoever asks within GRACE_NS goes on asking (locks that poll).
Attempts during which a fault had singled their client out (paused, cut off) show nothing of the lock.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checker.case import MS, Case
from checker.latency import named_windows
from checker.stretches import Spans, insides, spans, without
from checker.verdict import Figure
from histories.columns import NEVER

GRACE_NS = 250 * MS
"""What a hand-over may take: clients that poll ask every 100 to 200 ms."""


def of_case(case: Case) -> dict[str, Figure]:
    """``availability_percent`` of the trial's time, ``outages`` and ``longest_outage_ms``; none where nobody asked."""
    if not case.calls.acquires.any() or case.end <= case.start:
        return {}
    lengths = np.diff(outages(case), axis=1)
    share = 1 - int(lengths.sum()) / (case.end - case.start)
    return {
        "availability_percent": round(100 * share, 2),
        "outages": len(lengths),
        "longest_outage_ms": round(int(lengths.max(initial=0)) / MS, 3),
    }


def outages(case: Case) -> Spans:
    """Stretches of the trial, longer than GRACE_NS, in which somebody asked and nobody was inside."""
    idle = without(case.start, case.end, _asking(case))
    found = without(case.start, case.end, np.concatenate((insides(case), idle)))
    return found[found[:, 1] - found[:, 0] > GRACE_NS]


def _asking(case: Case) -> Spans:
    """When somebody asked, in order of time."""
    rows = np.flatnonzero(case.calls.acquires & ~_singled_out(case))
    inv, until = case.calls.inv[rows], asked_until(case, rows)
    if len(rows) == 0:
        return spans(inv, until)
    goes_on = np.maximum.accumulate(np.where(case.granted[rows], until, until + GRACE_NS))
    stops = np.flatnonzero(inv[1:] > goes_on[:-1])
    last = np.concatenate((stops, [len(rows) - 1]))
    return spans(inv[np.concatenate(([0], stops + 1))], np.maximum.accumulate(until)[last])


def asked_until(case: Case, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """When each attempt (a row of the calls) ended, ns: with its return, else its client, else the trial."""
    until = case.calls.ret[rows]
    never = np.flatnonzero(until == NEVER)
    if len(never):
        clients, number = np.unique(case.calls.client[rows[never]], return_inverse=True)
        gone = np.array([case.lives.gone(case.client(client)) for client in clients], np.int64)
        until[never] = np.maximum(np.minimum(gone[number], case.end), case.calls.inv[rows[never]])
    return until


def _singled_out(case: Case) -> NDArray[np.bool_]:
    """Which attempts were under way while a fault was in force that targeted clients only, theirs among them."""
    calls, numbers = case.calls, case.record.process_numbers
    out = np.zeros(len(calls), np.bool_)
    for window in case.windows:
        targets = [numbers.get(case.lives.process(name), -1) for name in window.targets]
        if targets and min(targets) >= 0:
            hit = case.acquires_between(window.asked, window.healed)
            out[hit] |= np.isin(case.record.process[calls.client[hit]], targets)
    return out


def recovery_times(case: Case) -> dict[str, Figure]:
    """Per fault (the first ones in order of asking), how long it took until somebody was granted the lock again:
    ``recovery_ms_f1`` since its heal was proven, ``recovery_from_injection_ms_f1`` since it was proven in force. A
    grant counts when its acquire returns; ``never`` where the trial ended first."""
    returned = np.sort(case.calls.ret[case.granted]) if case.windows else np.zeros(0, np.int64)
    figures: dict[str, Figure] = {}
    for name, window in named_windows(case):
        if window.healed < NEVER:
            figures[f"recovery_ms_{name}"] = _until_next(returned, window.healed)
        figures[f"recovery_from_injection_ms_{name}"] = _until_next(returned, window.effective)
    return figures


def _until_next(returned: NDArray[np.int64], since: int) -> Figure:
    at = int(np.searchsorted(returned, since))
    return round((int(returned[at]) - since) / MS, 3) if at < len(returned) else "never"
