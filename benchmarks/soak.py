"""What needs repetition: every rate we state, measured again, written by `make soak` to docs/soak.md.

Each row is a nucleus under a fault, n trials on a cluster that is started once, and what must come of them.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faults.watch import Interrupted
from lockquake.batch import Rigs, run_one, stop_on_signals
from lockquake.cli.output import progress
from lockquake.expectation import Expectation, shown
from lockquake.plan import build
from lockquake.rig import Rig
from lockquake.rundir import batch_directory
from lockquake.support import require_supported
from lockquake.trial import Say, TrialResult, versions
from nuclei.platforms.base import Unsupported
from nuclei.platforms.choice import PLATFORMS

ROOT = Path("runs")


@dataclass
class Row:
    """``needed``: at how many of n trials (as a share) the expectation must be met."""

    nucleus: str
    fault: str
    expect: Expectation = field(default_factory=Expectation)
    needed: float = 1.0


def broken(prop: str, kind: str | None = None, cause: str | None = None, keeps: tuple[str, ...] = ()) -> Expectation:
    """An expected violation."""
    return Expectation(verdict="invalid", property=prop, kind=kind, cause=cause, keeps=keeps)


BY_FAILOVER = broken("mutual-exclusion", "double-grant", "failover")
ROWS = [
    Row("redis-set-nx-px@redis-sentinel", "failover", BY_FAILOVER, 0.9),
    Row("redis-set-nx-px@redis-sentinel", "failover:recipe=split-brain", BY_FAILOVER, 0.9),
    Row("redis-set-nx-px@redis-sentinel", "none"),
    Row("redis-set-nx-px@redis-single", "kill-client"),
    Row("redis-set-nx-ex-del@redis-single", "pause-client", broken("owner-safe-release"), 0.9),
    Row("redis-set-nx-ex-del@redis-single", "pause-client", broken("mutual-exclusion"), 0.9),
    Row("redis-setnx@redis-single", "kill-client", broken("recovery"), 0.9),
    Row("zk-sequential@zookeeper", "partition:side=primary"),
    Row("zk-sequential@zookeeper", "kill-node:target=leader"),
    Row("zk-sequential@zookeeper", "partition:side=client,for=1.5x"),
    Row("zk-sequential@zookeeper", "pause-client:for=0.5x"),
    Row(
        "zk-sequential@zookeeper",
        "pause-client:for=2x",
        broken("mutual-exclusion", "overstay", keeps=("fencing-at-ledger",)),
        0.9,
    ),
]


def met(row: Row, result: TrialResult) -> bool:
    """Whether one trial came to what the row expects."""
    if row.expect.verdict == "valid":
        return result.status == "valid"
    kept = not any(v.property in row.expect.keeps and v.validity == "invalid" for v in result.verdicts)
    return kept and shown(row.expect, result.verdicts) is not None


def other_double_grants(row: Row, results: list[TrialResult]) -> int:
    """Trials with a double grant, for rows that expect none."""
    if row.expect.kind == "double-grant":
        return 0
    return sum(any(v.kind == "double-grant" for v in result.verdicts) for result in results)


def measure(row: Row, where: str, times: int, rigs: Rigs, top: Path, stop: object, say: Say) -> list[TrialResult]:
    """Run one row's trials on a platform."""
    results = []
    for number in range(times):
        plan = build(row.nucleus, faults=[row.fault], seed=1000 + number, platform=where)
        path = top / plan.slug / f"{row.fault.replace(':', '-')}-{len(results):03d}-{time.monotonic_ns()}"
        results.append(run_one(plan, rigs, path, ROOT, stop, say))  # type: ignore[arg-type]
    return results


def line(row: Row, where: str, results: list[TrialResult]) -> tuple[str, bool]:
    """The row's line of the table, and whether its rate was reached."""
    count = sum(met(row, result) for result in results)
    statuses = ", ".join(f"{k} {v}" for k, v in Counter(r.status for r in results).items())
    seconds = sorted(r.seconds for r in results)
    middle = seconds[len(seconds) // 2]
    good = count >= row.needed * len(results)
    span = f"{middle:.1f} ({seconds[0]:.1f}–{seconds[-1]:.1f})"
    text = (
        f"| {where} | `{row.nucleus}` | `{row.fault}` | {row.expect.text()} | {count} of {len(results)} | {statuses} "
        f"| {other_double_grants(row, results)} | {span} |"
    )
    return text, good


def main() -> int:
    """Run all rows; 0 when every rate was reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="trials per row (default 10)")
    parser.add_argument("--only", default="", help="only rows whose nucleus and fault contain this text")
    parser.add_argument("--platform", action="append", choices=list(PLATFORMS), help="repeat for several (all)")
    parser.add_argument("--output", type=Path, help="write the table there (all rows only)")
    args = parser.parse_args()
    say = progress()
    top = batch_directory(ROOT, "soak")
    rows = [row for row in ROWS if args.only in f"{row.nucleus} {row.fault}"]
    found: list[tuple[str, bool]] = []
    with stop_on_signals() as stop:
        try:
            for where in args.platform or PLATFORMS:
                for text, good in on_platform(where, rows, args.times, top, stop.event, say):
                    say(text + ("" if good else "  ← MISSED"))
                    found.append((text, good))
        except Interrupted:
            say("interrupted; nothing was written")
            return 130
    if args.output and not args.only:
        write([text for text, _ in found], args.times, args.output)
    return 0 if all(good for _, good in found) else 1


def on_platform(
    where: str, rows: Sequence[Row], times: int, top: Path, stop: object, say: Say
) -> Iterator[tuple[str, bool]]:
    """The lines of all rows, cluster by cluster; a row that cannot run there is left out, with the reason."""
    by_key: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        plan = build(row.nucleus, faults=[row.fault], platform=where)
        try:
            require_supported(plan)
        except Unsupported as error:
            say(f"left out: {row.nucleus} × {row.fault}: {error}")
            continue
        by_key.setdefault(Rig.key(plan)[:2], []).append(row)
    for alike in by_key.values():
        with Rigs(top / where / "cluster", say, clients=3) as rigs:
            for row in alike:
                yield line(row, where, measure(row, where, times, rigs, top / where, stop, say))


def write(lines: list[str], times: int, target: Path) -> None:
    """Write the table with what it was measured on."""
    host = ", ".join(f"{name} {number}" for name, number in versions().items())
    text = f"""# Soak: rates measured by repetition

`make soak` ({times} trials a row) on {time.strftime("%Y-%m-%d")}, {platform.machine()}; {host}.

| platform | nucleus | fault | expected | came | verdicts | unexpected double grants | s per trial: median (range) |
|---|---|---|---|---|---|---|---|
"""
    target.write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
