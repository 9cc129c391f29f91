"""Redis against ZooKeeper without faults: throughput, waits, fairness, wake-ups, and what a grant costs the servers.

Written by `make compare` to docs/comparison.md.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmarks.compare_cell import CLIENTS, SETTINGS, WORK, Cost, cost, plan_for
from lockquake.batch import Rigs
from lockquake.cli.output import progress
from lockquake.rundir import batch_directory
from lockquake.support import require_supported
from lockquake.trial import versions
from nuclei.platforms.base import HarnessError, Unsupported

ROOT = Path("runs")
TRIES = 3
"""How often the experiment itself may fail, on a busy machine, before a row has to do with fewer runs."""
NUCLEI = (
    "redis-setnx@redis-single",
    "redis-set-nx-px@redis-single",
    "redis-fenced@redis-single",
    "redis-reentrant@redis-single",
    "redis-set-nx-px@redis-sentinel",
    "redlock@redis-masters",
    "zk-exclusive@zookeeper",
    "zk-sequential@zookeeper",
    "chubby-sequencer@zookeeper",
    "kazoo-lock@zookeeper",
)
COLUMNS: tuple[tuple[str, Callable[[Cost], float | None], str], ...] = (
    ("grants per s", lambda c: c.grants_per_s, ".0f"),
    ("wait p50, ms", lambda c: c.wait_p50, ".1f"),
    ("wait p99, ms", lambda c: c.wait_p99, ".0f"),
    ("most overtaken", lambda c: c.overtaken, ".0f"),
    ("Jain index", lambda c: c.jain, ".2f"),
    ("wake-ups per release", lambda c: c.wakes, ".2f"),
    ("most woken by one release", lambda c: c.woken, ".0f"),
    ("server commands per grant", lambda c: c.commands, ".1f"),
    ("server CPU per grant, ms", lambda c: c.cpu, ".2f"),
)
INTRODUCTION = f"""# Redis against ZooKeeper, without faults

{CLIENTS} clients take one lock for {WORK:g} s as fast as they can ({", ".join(f"`{each}`" for each in SETTINGS)}),
on platform `process`, through its proxy; medians of {{times}} runs (range). No observer asks the servers meanwhile.

- *Wait*: from the acquire's call to its return, of those that were granted.
- *Most overtaken*: by how many one attempt was overtaken at most, calls and returns alone considered. *Jain index*: 1
  when all clients were granted equally often.
- *Wake-ups per release*: waiters that were told by a message or a watch; empty for locks that poll.
- *Server commands*: Redis `INFO commandstats`, ZooKeeper's `Received` packets, of all the lock's servers together (the
  ledger apart); *server CPU*: user and system time of their processes. What idle connections cost was taken off.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 3 when a run failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nuclei", nargs="*", default=NUCLEI)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args(argv)
    rows = measured(options.nuclei, options.times)
    text = page(rows, options.times)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    print(text)
    return 0 if all(rows.values()) else 3


def measured(nuclei: Sequence[str], times: int) -> dict[str, list[Cost]]:
    """Each nucleus so many times, one after the other on a cluster that stays."""
    say = progress()
    top = batch_directory(ROOT, "compare")
    rows: dict[str, list[Cost]] = {}
    with Rigs(top, say, CLIENTS) as rigs:
        for nucleus in nuclei:
            rows[nucleus] = []
            for seed in range(1, times + TRIES):
                plan = plan_for(nucleus, seed)
                try:
                    require_supported(plan)
                    rows[nucleus].append(cost(plan, rigs.rig(plan), top / f"{plan.slug}-{seed}", say))
                except Unsupported as error:
                    say(f"{nucleus}: {error}")
                    break
                except HarnessError as error:
                    say(f"{nucleus}: {error}")
                    rigs.drop(plan)
                    continue
                say(f"{nucleus}: {rows[nucleus][-1].grants_per_s:.0f} grants per s")
                if len(rows[nucleus]) == times:
                    break
            rigs.drop(plan)
    return rows


def page(rows: dict[str, list[Cost]], times: int) -> str:
    """The table as Markdown."""
    head = ["nucleus", *(name for name, _, _ in COLUMNS)]
    lines = [INTRODUCTION.format(times=times), f"| {' | '.join(head)} |", f"|---|{'---:|' * len(COLUMNS)}"]
    for nucleus, costs in rows.items():
        cells = [middle([value(cost) for cost in costs], form) for _, value, form in COLUMNS]
        lines.append(f"| `{nucleus}` | {' | '.join(cells)} |")
    told = ", ".join(f"{name} {each}" for name, each in versions().items() if name != "kernel")
    return "\n".join([*lines, "", f"{os.cpu_count()} cores, which other work shared; {told}.", ""])


def middle(values: Sequence[float | None], form: str) -> str:
    """``12 (10–14)``; empty where there is nothing to tell."""
    told = [value for value in values if value is not None and not math.isnan(value)]
    if not told:
        return ""
    low, centre, high = (format(each, form) for each in (min(told), median(told), max(told)))
    return centre if low == high else f"{centre} ({low}–{high})"


if __name__ == "__main__":
    sys.exit(main())
