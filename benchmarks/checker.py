"""How fast the checker is, and how much memory it takes: `make bench-checker` writes docs/benchmark-checker.md.

Histories are made up (:mod:`benchmarks.lock_histories`); every measurement runs in a process of its own
(:mod:`benchmarks.checker_cell`), the settings of a group in turns, so that a ratio compares neighbours in time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.checker_goals import goals
from benchmarks.checker_grid import FILES, GROUPS, Group, Results, Row, Setting, reduced
from benchmarks.checker_page import page, tables

ROOT = Path(__file__).resolve().parents[1]
_CELL_S = 900
_QUICK = 100_000

Say = Callable[[str], None]


def cell(*arguments: str) -> dict[str, float]:
    """Run one step in a fresh process. Raises RuntimeError with its last words when it fails."""
    command = [sys.executable, "-m", "benchmarks.checker_cell", *arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_CELL_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"no answer within {_CELL_S} s") from error
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise RuntimeError(words[-1] if words else f"ended with status {done.returncode} and said nothing")
    sample: dict[str, float] = json.loads(done.stdout)
    return sample


def measured(row: Row, step: str, path: Path) -> None:
    """Add one sample to a row that has not failed."""
    if row.failure:
        return
    try:
        row.samples.append(cell(step, str(path), "invalid" if row.setting.invalid else "valid"))
    except RuntimeError as error:
        row.failure = str(error)


def made(row: Row, *paths: Path) -> None:
    """Make a row's history."""
    try:
        cell("make", json.dumps(asdict(row.setting)), *map(str, paths))
    except RuntimeError as error:
        row.failure = f"not made: {error}"


def run_group(group: Group, repeats: int, say: Say) -> list[Row]:
    """Check-only, all settings of a group in turns."""
    rows = [Row(setting) for setting in group.settings]
    with tempfile.TemporaryDirectory(prefix="lockquake-bench-") as name:
        paths = [Path(name) / f"{number}.columns" for number in range(len(rows))]
        for row, path in zip(rows, paths, strict=True):
            made(row, path)
        for turn in range(repeats):
            say(f"{group.title}: turn {turn + 1} of {repeats}, {len(rows)} settings")
            for row, path in zip(rows, paths, strict=True):
                measured(row, "check", path)
    return rows


def run_files(settings: Sequence[Setting], most_lines: int, repeats: int, say: Say) -> dict[str, list[Row]]:
    """From file to verdict, both kinds of file in turns; JSON lines only up to ``most_lines`` calls."""
    found: dict[str, list[Row]] = {"binary": [], "JSON lines": []}
    for setting in settings:
        say(f"From file to verdict: {setting.n:,} calls")
        rows = [Row(setting) for kind in found if kind == "binary" or setting.n <= most_lines]
        with tempfile.TemporaryDirectory(prefix="lockquake-bench-") as name:
            paths = [Path(name) / "binary.columns", Path(name) / "lines.jsonl"][: len(rows)]
            made(rows[0], *paths)
            for row in rows:
                row.failure = rows[0].failure
            for _ in range(repeats):
                for row, path in zip(rows, paths, strict=True):
                    measured(row, "judge", path)
        for kind, row in zip(found, rows, strict=False):
            found[kind].append(row)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print or write the page; the exit status is 1 when something failed or, with --check, a goal is
    missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.checker", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"at most {_QUICK:,} calls, 2 turns; writes nothing")
    parser.add_argument("--only", default="", help="only groups whose title contains this text; nothing is written")
    parser.add_argument("--repeats", type=int, default=5, help="turns (default 5)")
    parser.add_argument("--json-lines", type=int, default=1_000_000, help="most calls to read from JSON lines")
    parser.add_argument("--output", type=Path, help="write the page there")
    parser.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    options = parser.parse_args(argv)
    most, repeats = (_QUICK, min(2, options.repeats)) if options.quick else (FILES[-1].n, options.repeats)
    groups, files = reduced(GROUPS, most), [setting for setting in FILES if setting.n <= most]
    say: Say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    results = Results([(group, run_group(group, repeats, say)) for group in groups if options.only in group.title])
    if options.only in "Files":
        results.files = run_files(files, options.json_lines, repeats, say)
    lines = goals(results)
    whole = not options.quick and not options.only
    print("\n".join([*tables(results), "", *lines]))
    if options.output and whole:
        options.output.write_text(page(results, lines, repeats), encoding="utf-8")
    missed = options.check and any("MISSED" in line for line in lines)
    return 1 if missed or any(row.failure for row in results.rows()) else 0


if __name__ == "__main__":
    sys.exit(main())
