"""The page of :mod:`benchmarks.recording`: a table of medians with their ranges, and how the goals came out."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.recording import Arm

GOALS = {"recorded": 0.10, "observed": 0.03}
"""What may be lost of the calls per second, by arm."""

Comparison = tuple[str, "list[Arm]", list[float]]


def page(found: Sequence[Comparison], rounds: int, turns: int, seconds: float) -> tuple[str, bool]:
    """The page, and whether every goal was met."""
    lines = [
        "# What recording costs",
        "",
        "Lock and ledger calls per second of the same clients, with and without: recording (each row is written to the",
        "part file and sent to the runner, which reads it), and observers beside the server. Medians of "
        f"{rounds} rounds",
        "(range); ratios are those of neighbours in time within one run. CPU is that of clients and runner per call.",
        "`benchmarks/recording.py` says how it is measured.",
        "",
        f"`make bench-recording`: {_machine()},",
        "platform process, `redis-set-nx-px@redis-single` behind the proxy; a round is "
        f"{4 * turns} turns of {seconds:g} s each",
        "(of the first load: four times as long), in the order A B B A. With no time inside or outside clients do",
        "nothing but call: that is the most that recording can cost.",
        "",
        "| load | A | calls/s | CPU µs | B | calls/s | CPU µs | B of A |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for load, (base, other), ratios in found:
        cells = [cell for arm in (base, other) for cell in (arm.name, _figure(arm.rates), _figure(arm.cpu))]
        lines.append(f"| {' | '.join([load, *cells, _figure(ratios, 3)])} |")
    goals = [_goal(arm, found) for arm in GOALS]
    return "\n".join([*lines, "", *(text for text, _ in goals), ""]), all(met for _, met in goals)


def _goal(arm: str, found: Sequence[Comparison]) -> tuple[str, bool]:
    """How one goal came out, for each load in the order of the table."""
    losses = [1 - statistics.median(ratios) for _, arms, ratios in found if arms[1].name == arm]
    said = [f"{100 * loss:.1f} % ({'met' if loss <= GOALS[arm] else 'MISSED'})" for loss in losses]
    text = f"- {arm}: at most {100 * GOALS[arm]:.0f} % of the calls are to be lost. In the order of the table: "
    return text + ", ".join(said), all(loss <= GOALS[arm] for loss in losses)


def _figure(values: Sequence[float], digits: int = 0) -> str:
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def _machine() -> str:
    policies = {os.SCHED_RR: ", real-time priority", os.SCHED_FIFO: ", real-time priority"}
    policy = policies.get(os.sched_getscheduler(0), "")
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[1]:.1f}{policy}, Python {platform.python_version()}"
