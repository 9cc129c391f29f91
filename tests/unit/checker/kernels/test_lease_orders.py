"""Orders of leases by hand: renewals, long leases, and orders other than that of the returns."""

from __future__ import annotations

import numpy as np
import pytest

from checker import lease_order
from checker.lease_order import MOST_FREE, Impossible, out_of_any_order
from histories.columns import NEVER

TTL = 10


def judged(*rows: tuple[int, ...]) -> Impossible | None:
    """Rows of (asked, back[, renewed[, letting_go]]), in order of ``back``."""
    full = [(*row, *(row[0], NEVER)[len(row) - 2 :]) for row in rows]
    columns = (np.array(column, np.int64) for column in zip(*full, strict=True))
    return out_of_any_order(*columns, TTL)


def test_one_after_another() -> None:
    assert judged((0, 1), (11, 12), (22, 23)) is None


def test_touching_leases_are_one_after_another() -> None:
    assert judged((0, 0), (10, 10)) is None
    assert judged((0, 0), (9, 9)) == Impossible([0, 1], True)


def test_a_renewed_lease_is_in_the_way_longer() -> None:
    assert judged((0, 1), (11, 12)) is None
    assert judged((0, 1, 5), (11, 12)) == Impossible([0, 1], True)


def test_letting_go_ends_a_lease() -> None:
    assert judged((0, 1, 0, 4), (5, 6)) is None
    assert judged((0, 1, 0, 7), (5, 6)) == Impossible([0, 1], True)


def test_a_long_lease_reaches_beyond_its_neighbour() -> None:
    assert judged((0, 1, 20), (2, 3, 2, 3), (25, 26)) == Impossible([0, 1, 2], True)


def test_another_order_than_that_of_returns_may_fit() -> None:
    """The second was asked for first, and took so long that its lease was over by the time it returned."""
    assert judged((12, 13), (0, 20)) is None
    assert judged((6, 7), (0, 12)) == Impossible([0, 1], True)


def test_leases_far_apart_are_not_looked_at_together() -> None:
    """The first two are impossible; what comes later has nothing to do with it."""
    assert judged((0, 1), (5, 6), (100, 101), (130, 131)) == Impossible([0, 1], True)
    assert judged((0, 1), (100, 101), (105, 106), (130, 131)) == Impossible([1, 2], True)


def test_of_several_doubtful_ones_the_first_is_told_and_a_certain_one_goes_first() -> None:
    many = [(0, 20)] * (MOST_FREE + 2)
    assert judged(*many) == Impossible(list(range(MOST_FREE + 2)), False)
    later = [(asked + 1000, back + 1000) for asked, back in many]
    assert judged(*many, *later) == Impossible(list(range(MOST_FREE + 2)), False)
    found = judged(*many, (1000, 1001), (1002, 1003))
    assert found == Impossible([MOST_FREE + 2, MOST_FREE + 3], True)


def test_as_many_as_are_tried_are_decided() -> None:
    """Twelve that can be anywhere, each over at once, and one that certainly held."""
    free = [(0, 40, 0, 0)] * MOST_FREE
    assert judged((5, 6), *free) is None


@pytest.mark.parametrize(("most", "decided"), [(16, True), (15, False)])
def test_no_more_steps_are_taken_than_allowed(most: int, decided: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that can be anywhere, among one placed: 2 places · 2 leases · 4 subsets."""
    monkeypatch.setattr(lease_order, "MOST_STEPS", most)
    found = judged((5, 6), (0, 12), (0, 13))
    assert found is not None
    assert found.decided is decided


def test_none_and_one_are_in_order() -> None:
    empty = np.zeros(0, np.int64)
    assert out_of_any_order(empty, empty, empty, empty, TTL) is None
    assert judged((0, 5)) is None
