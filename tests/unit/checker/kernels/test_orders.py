"""Orders of columns are those of numpy's stable sort, whatever the size of the numbers."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from checker.order import by_number_and_time, stable_order

MOST = (0, 3, 65_535, 65_536, 1 << 31)


@pytest.mark.parametrize("most", MOST)
def test_equal_numbers_stay_in_order(most: int) -> None:
    random = Random(most)
    few = [random.randint(0, most) for _ in range(20)]
    codes = np.array([random.choice(few) for _ in range(300)], np.int64)
    assert stable_order(codes).tolist() == np.argsort(codes, kind="stable").tolist()
    times = np.array([random.randint(0, 9) for _ in codes], np.int64)
    assert by_number_and_time(codes, times).tolist() == np.lexsort((times, codes)).tolist()


def test_numbers_of_more_than_one_digit() -> None:
    codes = np.array([1 << 32, 5, 1 << 16, (1 << 16) + 1, 7, 1 << 16, 5, 1 << 32 | 3], np.int64)
    assert stable_order(codes).tolist() == [1, 6, 4, 2, 5, 3, 0, 7]


def test_no_numbers() -> None:
    assert stable_order(np.zeros(0, np.int64)).tolist() == []
