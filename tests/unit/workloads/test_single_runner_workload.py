"""The scheduled job: which ticks a leader runs, and what it gives up."""

from __future__ import annotations

import time
from pathlib import Path

from histories.rows import Job
from nuclei.workloads import single_runner
from tests.unit.workloads.workload_stage import Stage

FAST = {"period": 0.002, "run": 0.0, "rest": 0.0}


def began(stage: Stage, since: int) -> list[int | None]:
    return [row.tick for row in stage.run(began=since) if isinstance(row, Job) and row.state == "began"]


def test_every_tick_is_run_once_and_not_before_it_is_due(tmp_path: Path) -> None:
    stage, since = Stage(tmp_path, single_runner.WORKLOAD, ticks=20, patience=60.0, **FAST), time.monotonic_ns()
    rows = [row for row in stage.run(began=since) if isinstance(row, Job)]
    assert [row.tick for row in rows if row.state == "began"] == list(range(20))
    assert [row.tick for row in rows if row.state == "ended"] == list(range(20))
    assert all(row.t >= since + (row.tick or 0) * 2_000_000 for row in rows)
    assert len({row.run for row in rows}) == 20
    assert (stage.books.counters[single_runner.NEXT], stage.figures["left"]) == (20, 0)


def test_a_term_ends_and_another_begins(tmp_path: Path) -> None:
    stage = Stage(tmp_path, single_runner.WORKLOAD, ticks=20, patience=60.0, term=0.006, **FAST)
    rows = [row for row in stage.run(began=time.monotonic_ns()) if isinstance(row, Job)]
    assert len({row.attempt for row in rows}) > 1


def test_ticks_that_are_too_late_are_given_up(tmp_path: Path) -> None:
    stage = Stage(tmp_path, single_runner.WORKLOAD, ticks=10, patience=30.0, **FAST | {"period": 10.0})
    since = time.monotonic_ns() - 75_000_000_000  # ticks 0 to 7 were due 75, 65, … 5 s ago
    stage.params["ticks"] = 8
    assert began(stage, since) == [5, 6, 7]


def test_when_all_are_too_late_the_work_is_over(tmp_path: Path) -> None:
    stage = Stage(tmp_path, single_runner.WORKLOAD, ticks=10, patience=1.0, **FAST)
    assert began(stage, time.monotonic_ns() - 60_000_000_000) == []
    assert stage.figures["left"] == 0


def test_a_leader_takes_up_where_the_last_one_stopped(tmp_path: Path) -> None:
    stage = Stage(tmp_path, single_runner.WORKLOAD, ticks=6, patience=60.0, **FAST)
    stage.books.counters[single_runner.NEXT] = 4
    assert began(stage, time.monotonic_ns() - 1_000_000_000) == [4, 5]
