"""What went wrong with the experiment itself, read from the history alone: then verdicts say nothing about the lock."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any

from checker.observed import read_observed
from checker.record import trial_bounds
from checker.windows import Window, read_windows
from histories.columns import NEVER
from histories.read import History
from histories.rows import Role, Server, Trial

SLACK = 3_000_000_000
"""Observers see late: so many ns around a fault, what happened to a node may be its doing."""


def harness_problems(history: History) -> list[str]:
    """One sentence per problem: a fault asked for and not proven, not healed, a trial cut short, blind observers."""
    why = _ended_because(history)
    problems = [why.removeprefix("harness error: ")] if why.startswith("harness error: ") else []
    unsupported = why.startswith("unsupported: ")
    if why == "interrupted":
        problems.append("the trial was interrupted before its end")
    foreign = history.header.platform == "jepsen"  # whoever recorded it need not have said when a fault took effect
    for window in [] if foreign else read_windows(history.rows):
        problems += _of_window(window, unsupported)
    if any(isinstance(row, Trial) for row in history.rows) and not trial_bounds(history)[2]:
        problems.append("the trial did not come to its end (its runner died, or is still running)")
    if history.header.plan and not any(isinstance(row, Trial) for row in history.rows):
        problems.append("the trial never began")
    return problems + _touched_by_others(history) + _blind(history)


def not_exercised(history: History) -> list[str]:
    """One sentence per fault of the plan that never began, because its trigger was not reached."""
    why = _ended_because(history)
    if why.startswith("not exercised: "):
        return [why.removeprefix("not exercised: ")]
    schedule: Any = history.header.plan.get("schedule") or []
    windows = read_windows(history.rows)
    if not isinstance(schedule, list | tuple) or len(windows) >= len(schedule) or why:
        return []
    return [
        f"{_name(fault)} of the plan never began: its trigger was not reached" for fault in schedule[len(windows) :]
    ]


def unsupported(history: History) -> list[str]:
    """Why the platform could not do what the plan asked for, where the trial ended because of that."""
    why = _ended_because(history)
    return [why.removeprefix("unsupported: ")] if why.startswith("unsupported: ") else []


def _name(fault: Any) -> str:
    return str(fault.get("name", "a fault")) if isinstance(fault, dict) else "a fault"


def _ended_because(history: History) -> str:
    return next((row.why or "" for row in history.rows if isinstance(row, Trial) and row.state == "ended"), "")


def _of_window(window: Window, unsupported: bool) -> list[str]:
    label = f"{window.label()} ({window.fault})"
    if window.trouble:
        return [f"{label} was {window.trouble}"]
    if window.proven == NEVER:
        return [] if unsupported else [f"{label} was asked for, but never proven to have taken effect"]
    if window.healed == NEVER:
        step = "its heal was never asked for" if window.heal_asked == NEVER else "its heal was never proven"
        return [f"{label} was not healed: {step}"]
    return []


def _touched_by_others(history: History) -> list[str]:
    """Nodes that stood still, died or came back new although no fault of the plan touched any node at that time."""
    windows = [w for w in read_windows(history.rows) if not w.name.endswith("-client")]
    asked = [w.asked - SLACK for w in windows]
    healed = [-NEVER, *accumulate((w.healed + SLACK for w in windows), max)]
    start, end, _ = trial_bounds(history)
    for row in history.rows:
        if not isinstance(row, Server | Role) or not start <= row.t <= end:
            continue
        if row.t <= healed[bisect_right(asked, row.t)]:
            continue
        if isinstance(row, Server) and row.event == "blind" and (row.evidence or "").endswith(("paused", "exited")):
            return [f"{row.node} stood still or died ({row.evidence}), and no fault of the plan had touched it"]
        if isinstance(row, Role) and "restarted" in (row.evidence or ""):
            return [f"{row.node} restarted, and no fault of the plan had touched it"]
    return []


def _blind(history: History) -> list[str]:
    observed = read_observed(history.rows)
    if not observed.blind:
        return []
    start, end, _ = trial_bounds(history)
    whole = [node for node in observed.nodes if any(a <= start and b >= end for a, b in observed.blind.get(node, []))]
    if len(whole) < len(observed.nodes):
        return []
    return [f"the observer was blind on {', '.join(whole)} for the whole trial, so no cause can be proven"]
