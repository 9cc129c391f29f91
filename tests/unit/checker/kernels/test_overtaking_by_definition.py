"""Who was overtaken: called for later and granted earlier, strictly, on the same lock."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from checker import overtakes
from checker.holds import Holds


@pytest.mark.parametrize("lanes", [0, 256])
def test_it_is_strict(lanes: int) -> None:
    """Few moments, so that many are equal; by lanes where clients do not overlap with themselves."""
    counted = 0
    for seed in range(300):
        random = Random(seed)
        rows = sorted(
            (lock, entered, entered - random.randint(0, 4), random.randrange(6))
            for lock, entered in ((random.randrange(3), random.randint(4, 12)) for _ in range(random.randint(0, 9)))
        )
        lock, ret, inv, client = (np.array(column, np.int64) for column in (list(zip(*rows, strict=True)) or [()] * 4))
        holds = Holds(lock.astype(np.int32), client.astype(np.int32), np.arange(len(rows)), ret, ret + 1,
                      np.zeros(len(rows), np.uint8))  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(overtakes, "MOST_LANES", lanes)
            calls = SimpleNamespace(inv=inv)
            found = overtakes.overtaken(holds, calls, np.arange(6, dtype=np.int32))  # type: ignore[arg-type]
        expected = [sum(a == lock_ and b < ret_ and c > inv_ for a, b, c, _ in rows) for lock_, ret_, inv_, _ in rows]
        assert found.dtype == np.int64
        assert found.tolist() == expected, rows
        counted += sum(expected)
    assert counted > 50


def test_lanes_are_not_counted_where_calls_that_return_together_are_out_of_order() -> None:
    inv, ret, lane = np.array([(0, 1, 0), (2, 4, 1), (1, 4, 2)], np.int64).T
    assert overtakes.in_lanes(inv, ret, lane) is None
    inv, ret, lane = np.array([(0, 1, 0), (1, 4, 2), (2, 4, 1)], np.int64).T
    assert overtakes.in_lanes(inv, ret, lane) is not None
