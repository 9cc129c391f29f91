"""Re-entry up to the limit and no further, by example."""

from __future__ import annotations

import pytest

from checker.linear.operations import written
from checker.linear.reentrant import reentrant


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_as_often_as_the_limit_is_right(limit: int) -> None:
    assert reentrant(written([f"p0 A {2 * n} {2 * n + 1}" for n in range(limit)])[0], limit) == {}


def test_once_more_than_the_limit_is_too_often() -> None:
    found = reentrant(written(["p0 A 1 2", "p0 A 3 4", "p0 A 5 6"])[0], 2)[0]
    assert (found.valid, found.kind, found.witness[0]) == (False, "limit-exceeded", 2)
    assert reentrant(written(["p0 A 1 2", "p0 A 3 4", "p0 R 5 6", "p0 A 7 8"])[0], 2) == {}
