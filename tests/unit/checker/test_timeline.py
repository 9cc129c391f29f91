"""A timeline says what an array with one cell per moment says."""

from __future__ import annotations

from random import Random

import pytest

from checker.timeline import Combine, Timeline

END = 60


def alone(there: int | None, claim: int) -> int | None:
    return claim if there is None or there == claim else None


def three(there: int | None, claim: int) -> int | None:
    total = (there or 0) + claim
    return total if total <= 3 else None


@pytest.mark.parametrize("combine", [alone, three])
@pytest.mark.parametrize("block", range(5))
def test_it_says_what_an_array_says(block: int, combine: Combine[int]) -> None:
    clashes = 0
    for seed in range(block * 40, block * 40 + 40):
        random = Random(seed)
        line: Timeline[int] = Timeline(combine)
        cells: list[int | None] = [None] * END
        gone = 0
        for _ in range(30):
            begin = random.randint(gone, END - 1)
            end, claim = random.randint(begin, min(END, begin + 6)), random.randint(1, 2)
            after = [combine(cell, claim) for cell in cells[begin:end]]
            clash = next((begin + at for at, cell in enumerate(after) if cell is None), None)
            assert line.lay(begin, end, claim) == clash, seed
            clashes += clash is not None
            if clash is not None:
                break
            cells[begin:end] = after
            if random.random() < 0.1:
                gone = random.randint(gone, begin)
                line.forget(gone)
    assert clashes > 10


def test_equal_neighbours_are_one_step() -> None:
    line: Timeline[int] = Timeline(alone)
    for t in range(1000):
        assert line.lay(t, t + 1, 1) is None
    assert len(line) == 2
    for t in range(2000, 3000, 2):
        line.lay(t, t + 1, 1)
    assert len(line) == 1002
    assert line.lay(1500, 3000, 1) is None
    assert len(line) == 4
    line.forget(2500)
    assert len(line) == 2
    assert line.lay(2999, 3001, 2) == 2999
