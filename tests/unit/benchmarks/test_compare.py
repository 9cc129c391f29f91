"""The comparison: what a grant costs is what the servers did beyond idling, and the page tells the middle."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from benchmarks.compare import COLUMNS, middle, page
from benchmarks.compare_cell import Cost, Costed, Sample, above_idle

SECOND = 1_000_000_000


def test_what_idle_connections_cost_is_taken_off() -> None:
    idle, before, after = Sample(0, 0, 0.0), Sample(SECOND, 10, 0.1), Sample(3 * SECOND, 130, 0.5)
    run = cast(Costed, SimpleNamespace(idle=idle, before=before, after=after))
    assert above_idle(run, lambda at: at.commands) == pytest.approx(100)
    assert above_idle(run, lambda at: at.cpu) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("values", "text"),
    [([], ""), ([None, None], ""), ([2.0], "2.0"), ([3.0, 1.0, 2.0], "2.0 (1.0–3.0)"), ([1.0, float("nan")], "1.0")],
)
def test_the_middle_and_the_range(values: list[float | None], text: str) -> None:
    assert middle(values, ".1f") == text


def test_the_page_has_a_row_for_each_nucleus_and_leaves_empty_what_nobody_told() -> None:
    cost = Cost(
        grants_per_s=50, wait_p50=2, wait_p99=9, commands=3, cpu=0.5, overtaken=4, jain=1, wakes=None, woken=None
    )
    (row,) = [line for line in page({"a@b": [cost, cost]}, 2).splitlines() if line.startswith("| `a@b`")]
    assert row == "| `a@b` | 50 | 2.0 | 9 | 4 | 1.00 |  |  | 3.0 | 0.50 |"
    assert row.count("|") == len(COLUMNS) + 2
