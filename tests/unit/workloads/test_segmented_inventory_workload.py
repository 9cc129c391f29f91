"""Orders from several segments: in which order locks are taken, and when everything is sold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from histories.rows import Call
from nuclei.workloads import segmented_inventory
from tests.unit.workloads.workload_stage import Open, Stage


def stage(directory: Path, **params: Any) -> Stage:
    return Stage(directory, segmented_inventory.WORKLOAD, **{"stock": 10, "segments": 3, **params})


def pairs(rows: list[Any]) -> list[list[str]]:
    """The locks that were taken one inside the other."""
    found, held = [], []
    for row in rows:
        if isinstance(row, Call) and row.op in {"acquire", "release"}:
            held = [*held, row.lock] if row.op == "acquire" else held[:-1]
            found += [held] if row.op == "acquire" and len(held) > 1 else []
    return found


def test_the_stock_is_divided_among_the_segments() -> None:
    stakes = segmented_inventory.stakes({"stock": 10, "segments": 3})
    assert stakes.budgets == stakes.counters == {"segment-1": 4, "segment-2": 3, "segment-3": 3}


@pytest.mark.parametrize("spans", [0.0, 0.5, 1.0])
def test_everything_is_sold_whatever_orders_span(tmp_path: Path, spans: float) -> None:
    on = stage(tmp_path, spans=spans, requests=60)
    on.run()
    assert on.books.counters == {"segment-1": 0, "segment-2": 0, "segment-3": 0}
    assert (len(on.books.records), on.figures["left"]) == (10, 0)


def test_two_segments_are_locked_in_a_fixed_order(tmp_path: Path) -> None:
    taken = pairs(stage(tmp_path, spans=1.0, stock=100, requests=30).run())
    assert len(taken) > 20
    assert all(two == sorted(two) for two in taken)


def test_in_opposite_orders_some_are_locked_the_other_way_round(tmp_path: Path) -> None:
    taken = pairs(stage(tmp_path, spans=1.0, stock=100, requests=30, order="opposite").run())
    assert 3 < sum(two != sorted(two) for two in taken) < 27


def test_a_segment_whose_lock_is_not_to_be_had_is_passed_over(tmp_path: Path) -> None:
    on = stage(tmp_path, spans=0.0, requests=60)
    Open.refused["k:segment-2"] = 10**6
    on.run()
    assert on.books.counters == {"segment-1": 0, "segment-2": 3, "segment-3": 0}


def test_without_the_second_lock_nothing_is_bought_and_the_first_is_given_back(tmp_path: Path) -> None:
    on = stage(tmp_path, spans=1.0, segments=2, requests=5)
    Open.refused["k:segment-2"] = 10**6
    on.run()
    assert on.books.records == []
