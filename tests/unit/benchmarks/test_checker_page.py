"""What the benchmark of the checker makes of its samples: tables, ratios within a turn, goals."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import checker
from benchmarks.checker_goals import PUBLISHED, goals
from benchmarks.checker_grid import BASE, FILES, GROUPS, MANY_LOCKS, SIZES, WORST, Group, Results, Row, Setting, reduced
from benchmarks.checker_page import page, tables


def sampled(setting: Setting, *totals: float, peak: float = 900.0) -> Row:
    figures = {"arrange": 0.0, "load": 0.5, "baseline": 40.0, "columns": 400.0, "peak": peak}
    return Row(setting, [figures | {"insides": total / 4, "linear": total / 2, "total": total} for total in totals])


LARGEST = replace(BASE, n=SIZES[-1])


def results(total: float = 2.0, peak: float = 900.0, crashed: float = 2.0) -> Results:
    calls = [sampled(LARGEST, total, peak=peak), sampled(BASE, 0.036 / 2, 0.036 * 3, 0.036)]
    crashes = [sampled(replace(WORST, crashes=0.0), 1.0, 2.0, 3.0), sampled(WORST, crashed, 2 * crashed, 3 * crashed)]
    files = {"binary": [sampled(replace(FILES[-1]), 14.0)], "JSON lines": [Row(FILES[0], failure="no memory")]}
    groups = [(GROUPS[0], calls), (next(group for group in GROUPS if group.title == "Crashes"), crashes)]
    return Results(groups, files)


def goal(lines: list[str], words: str) -> str:
    (line,) = (line for line in lines if words in line)
    return line


def test_every_goal_has_its_settings_in_the_grid() -> None:
    settings = {setting for group in GROUPS for setting in group.settings}
    assert {one.setting for one in PUBLISHED} <= settings
    assert {LARGEST, WORST, replace(WORST, crashes=0.0), MANY_LOCKS} <= settings
    assert FILES[-1].n == LARGEST.n


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("n", set(SIZES)), ("clients", {5, 10, 50, 100}), ("grants", {"fifo", "random"}), ("refusals", {0.0, 0.3}),
        ("crashes", {0.0, 0.001, 0.01, 0.05}), ("locks", {1, 1000}), ("invalid", {None, "early", "late"}),
    ],
)  # fmt: skip
def test_the_grid_has_every_value(field: str, values: set[object]) -> None:
    assert values <= {getattr(setting, field) for group in GROUPS for setting in group.settings}


def test_goals_are_met_at_their_limit_and_missed_beyond() -> None:
    lines = goals(results(total=3.0, peak=1000.0, crashed=1.5))
    assert goal(lines, "check only, at most").endswith("3.00 s: met")
    assert goal(lines, "peak memory").endswith("met")
    assert goal(lines, "5% crashed to none, 10,000,000").endswith("at most 1.5 ×: 1.50 ×: met")
    assert goal(lines, "file to verdicts").endswith("14.00 s: met")
    lines = goals(results(total=3.01, peak=1001.0, crashed=1.51))
    for words in ("check only, at most", "peak memory", "5% crashed to none, 10,000,000"):
        assert goal(lines, words).endswith("MISSED"), words


def test_published_speed_is_compared_with_linearizability_and_told_for_both() -> None:
    line = goal(goals(results()), "100,000 calls of 50 clients, random")
    assert line.endswith("2,000 × (1,000 × with mutual exclusion too): met")
    assert goal(goals(results()), "fifo").endswith("not measured")


def test_what_failed_is_said_and_is_no_figure() -> None:
    found = results()
    found.groups[0][1].append(Row(replace(BASE, grants="fifo"), failure="MemoryError"))
    lines = goals(found)
    assert goal(lines, "no wrong and no undecided").endswith("in 7 settings: MISSED")
    assert goal(lines, "fifo").endswith("not measured")
    assert any("failed: MemoryError" in line for line in tables(found))
    assert any("failed: no memory" in line for line in tables(found))


def test_ratios_compare_measurements_of_the_same_turn() -> None:
    (line,) = (line for line in tables(results(crashed=1.2)) if "| 5.0% |" in line)
    assert "| 1.20 (1.20–1.20) |" in line


def test_the_page_says_what_was_not_measured_here() -> None:
    text = page(results(), goals(results()), 5)
    assert "**not measured here**" in text
    assert "| 36–47 | 17,280 |" in text
    assert "bare process (interpreter, numpy, our modules) takes 40 MB" in text
    assert platform.node() not in text


def test_tables_have_as_many_cells_in_every_line() -> None:
    width = 0
    for line in page(results(), [], 5).splitlines():
        if not line.startswith("|"):
            width = 0
        elif "failed:" not in line:
            width = width or line.count("|")
            assert line.count("|") == width, line


def test_a_reduced_grid_leaves_out_what_is_large() -> None:
    small = reduced(GROUPS, 100_000)
    assert max(setting.n for group in small for setting in group.settings) == 100_000
    assert "Locks" not in {group.title for group in small}


def test_partners_are_the_same_but_for_one_field() -> None:
    group = Group("Refusals", (BASE, replace(BASE, refusals=0.0), LARGEST), ("refusals", 0.0))
    assert [group.partner(setting) for setting in group.settings] == [replace(BASE, refusals=0.0), None, None]


def test_a_process_that_fails_gives_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho first >&2\necho 'MemoryError: too much' >&2\nexit 1\n", encoding="ascii")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    row = Row(BASE)
    checker.measured(row, "check", tmp_path)
    checker.measured(row, "check", tmp_path / "never looked at")
    assert row.failure == "MemoryError: too much"
    assert row.samples == []
