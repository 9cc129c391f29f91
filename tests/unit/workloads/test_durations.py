"""Durations: their means and their tails are what the table says, and a seed draws them again."""

from __future__ import annotations

from random import Random

import pytest

from lockquake.plan_check import CHOICES
from nuclei.workloads.durations import SHAPES, drawn

MANY = 40_000


def sample(shape: str, seed: int = 1) -> list[float]:
    random = Random(seed)
    return sorted(drawn(2.0, shape, random) for _ in range(MANY))


@pytest.mark.parametrize(
    ("shape", "median", "most"),
    [("uniform", 1.0, 1.49), ("constant", 1.0, 1.0), ("exponential", 0.693, 4.61), ("lognormal", 0.607, 6.21)],
)
def test_mean_median_and_tail(shape: str, median: float, most: float) -> None:
    durations = sample(shape)
    assert sum(durations) / MANY == pytest.approx(2.0, rel=0.03)
    assert durations[MANY // 2] == pytest.approx(2 * median, rel=0.05)
    assert durations[MANY * 99 // 100] == pytest.approx(2 * most, rel=0.08)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_seed_draws_the_same_and_nothing_takes_no_time(shape: str) -> None:
    assert sample(shape) == sample(shape)
    assert drawn(0.0, shape, Random(1)) == 0.0


def test_uniform_is_half_as_long_to_half_as_long_again() -> None:
    durations = sample("uniform")
    assert 1.0 <= durations[0] <= durations[-1] <= 3.0


def test_what_a_plan_may_say_is_what_there_is() -> None:
    assert tuple(CHOICES["workload.hold_shape"]) == tuple(CHOICES["workload.think_shape"]) == SHAPES
    with pytest.raises(ValueError, match="no shape 'round'"):
        drawn(1.0, "round", Random(1))
