"""The page `make bench-checker` writes: tables of what was measured, what others published, and the goals."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.checker_goals import PUBLISHED, median_of, ratios
from benchmarks.checker_grid import Group, Results, Row, Setting

_READING = """Each figure is the median (and range) of {repeats} measurements, each in a fresh process after a warm-up
on another history; short histories are judged many times in each, and the median counts. *Both* is everything from
columns in memory to the answers for all locks: arranging calls by lock, mutual exclusion (the scan over insides) and
linearizability (owner mutex with refusals and calls of unknown effect). *Load* reads the binary columnar file, and
checks it. *Peak* is the largest resident size of the whole process, loading and the mapped file included; *columns* is
what loading the calls added to it, and the bare process (interpreter, numpy, our modules) takes {baseline:.0f} MB.
Ratios compare measurements of the same turn. Every answer was checked: a wrong or undecided one would be a failure.

Histories are made up by `benchmarks/lock_histories.py`: valid by construction, clients wait most of the time, refused
calls are tries answered "busy" (exact), crashed calls are half acquires and half releases. Invalid ones hold one rogue
hold inside another's, early (5 %) or late (95 %)."""

_PORCUPINE = """Porcupine v1.3.0 is the fastest general linearizability checker. Its figures were published elsewhere
(owner-mutex model with hashing, 2 cores, check only) and **not measured here**: another machine, other histories of the
same kind. A ratio says which order of magnitude, not more. Porcupine answers linearizability only."""


def machine() -> str:
    """What it was measured on."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") / (1 << 30)
    cores = len(os.sched_getaffinity(0))
    return (
        f"{cores} cores, {memory:.0f} GB memory, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, numpy {np.__version__}"
    )


def seconds(values: Sequence[float]) -> str:
    """Median and range, in ms or s."""
    middle = statistics.median(values)
    scale, unit = (1, "s") if middle >= 1 else (1000, "ms")
    return f"{short(middle * scale)} {unit} ({short(min(values) * scale)}–{short(max(values) * scale)})"


def short(value: float) -> str:
    """Three digits that matter."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def words(setting: Setting) -> str:
    """A setting as cells of a table."""
    calls = f"{setting.n:,}{', with owner values' * setting.owners}"
    cells = (
        calls, str(setting.clients), setting.grants, setting.invalid or "valid",
        f"{setting.refusals:.0%}", f"{setting.crashes:.1%}", f"{setting.locks:,}",
    )  # fmt: skip
    return " | ".join(cells)


_SETTING = "calls | clients | grants | validity | refused | crashed | locks"


def tables(results: Results) -> list[str]:
    """All tables, as lines of Markdown."""
    lines: list[str] = []
    for group, rows in results.groups:
        lines += ["", f"## {group.title}", "", *_checks(group, rows)]
    if results.files:
        lines += ["", "## From file to verdicts", "", *_judgements(results)]
    return lines


def _checks(group: Group, rows: Sequence[Row]) -> list[str]:
    versus = ""
    if group.against is not None:
        field, value = group.against
        versus = f" | both, relative to {field} = {value}"
    figures = f"mutual exclusion | linearizability | both | ns per call{versus} | load | columns MB | peak MB"
    head = f"| {_SETTING} | {figures} |"
    lines = [head, "|---" * (head.count("|") - 1) + "|"]
    for row in rows:
        partner = next((one for one in rows if one.setting == group.partner(row.setting)), None)
        cells = _figures(row, partner, compared=bool(versus))
        lines.append(f"| {words(row.setting)} | {' | '.join(cells)} |")
    return lines


def _figures(row: Row, partner: Row | None, *, compared: bool) -> list[str]:
    if row.failure:
        return [f"failed: {row.failure}"]
    cells = [seconds([one[name] for one in row.samples]) for name in ("insides", "linear", "total")]
    cells.append(short(median_of(row, "total") / row.setting.n * 1e9))
    if compared:
        values = [] if partner is None or partner.failure else ratios(row, partner)
        cells.append(
            f"{short(statistics.median(values))} ({short(min(values))}–{short(max(values))})" if values else ""
        )
    cells.append(seconds([one["load"] for one in row.samples]))
    cells.append(short(statistics.median(one["columns"] - one["baseline"] for one in row.samples)))
    return [*cells, short(median_of(row, "peak"))]


def _judgements(results: Results) -> list[str]:
    lines = ["| file | calls | reading | file to verdicts | peak MB |", "|---|---|---|---|---|"]
    for kind, rows in results.files.items():
        for row in rows:
            cells = [f"failed: {row.failure}"]
            if not row.failure:
                cells = [seconds([one[name] for one in row.samples]) for name in ("load", "total")]
                cells.append(short(median_of(row, "peak")))
            lines.append(f"| {kind} | {row.setting.n:,} | {' | '.join(cells)} |")
    return lines


def published(results: Results) -> list[str]:
    """What others published beside what was measured here."""
    lines = [
        "| calls | clients | grants | locks | published, s | published, MB | here: linearizability | ratio | both |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for figure in PUBLISHED:
        row = results.find(figure.setting)
        if row is None:
            continue
        one = figure.setting
        times = f"{short(figure.seconds[0] / median_of(row, 'linear'))} ×"
        lines.append(
            f"| {one.n:,} | {one.clients} | {one.grants} | {one.locks:,} | {figure.words} | {figure.megabytes} "
            f"| {seconds([sample['linear'] for sample in row.samples])} | {times} "
            f"| {seconds([sample['total'] for sample in row.samples])} |"
        )
    return lines


def page(results: Results, goals: Sequence[str], repeats: int) -> str:
    """The whole page."""
    samples = [sample for _, rows in results.groups for row in rows for sample in row.samples]
    baseline = statistics.median(sample["baseline"] for sample in samples) if samples else 0.0
    return "\n".join(
        [
            "# Benchmark: the checker",
            "",
            f"`make bench-checker` on {time.strftime('%Y-%m-%d')}: {machine()}.",
            "",
            _READING.format(repeats=repeats, baseline=baseline),
            "",
            "## Goals",
            "",
            *goals,
            "",
            "## Beside Porcupine",
            "",
            _PORCUPINE,
            "",
            *published(results),
            *tables(results),
            "",
        ]
    )
