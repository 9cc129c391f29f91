"""Ghosts used up are compared exactly: at least as good is what can still do whatever the other can."""

from __future__ import annotations

from itertools import product

import pytest

from checker.search.closure import Minimal
from checker.search.ghosts import MOST_WEAKER, count

WRITE, ALONE = 0, 9
"""WRITE can do what actions 1, 2, 3, … can; ALONE is not to be compared."""


def covers(strong: int, weak: int) -> bool:
    return strong == WRITE and weak not in {WRITE, ALONE}


def can_do(left: dict[int, int], wanted: dict[int, int]) -> bool:
    """Whether what is left can do all that is wanted: what falls short of a weaker action is written instead."""
    short = sum(max(0, often - left[action]) for action, often in wanted.items() if action not in {WRITE, ALONE})
    return left[ALONE] >= wanted[ALONE] and left[WRITE] >= wanted[WRITE] + short


def test_one_replaces_another_just_if_it_can_do_all_that_the_other_can() -> None:
    often = {WRITE: 2, 1: 1, 2: 2, ALONE: 1}
    counters, guards = count([action for action, times in often.items() for _ in range(times)], covers)
    ways = [dict(zip(often, used, strict=True)) for used in product(*(range(times + 1) for times in often.values()))]
    replaced = 0
    for one, other in product(ways, ways):
        numbers = [sum(counters[action].unit * times for action, times in way.items()) for way in (one, other)]
        kept = Minimal(guards)
        assert kept.add(0, 0, numbers[0])
        left = [{action: often[action] - times for action, times in way.items()} for way in (one, other)]
        assert kept.add(0, 0, numbers[1]) is not can_do(*left), (one, other)
        if one != other and can_do(*left):
            prices = [sum(counters[action].price * times for action, times in way.items()) for way in (one, other)]
            assert prices[0] < prices[1], "what replaces another comes first"
            replaced += 1
    assert replaced > len(ways)


@pytest.mark.parametrize("weaker", [0, 1, MOST_WEAKER, MOST_WEAKER + 3])
def test_what_was_used_can_be_read_off(weaker: int) -> None:
    often = {WRITE: 3, ALONE: 1, **{10 + k: 1 + k % 2 for k in range(weaker)}}
    counters, _ = count([action for action, times in often.items() for _ in range(times)], covers)
    for share in (0, 1, 2):
        used = {action: min(share, times) for action, times in often.items()}
        number = sum(counters[action].unit * times for action, times in used.items())
        assert {action: counter.used(number) for action, counter in counters.items()} == used


def test_more_weaker_ones_than_are_compared_are_still_compared_with_themselves() -> None:
    actions = [WRITE, *(10 + k for k in range(MOST_WEAKER + 1))]
    counters, guards = count(actions, covers)
    last = counters[actions[-1]].unit
    kept = Minimal(guards)
    assert kept.add(0, 0, counters[WRITE].unit)
    assert kept.add(0, 0, last)
    assert not kept.add(0, 0, last + counters[actions[1]].unit)


def test_other_states_are_not_compared() -> None:
    kept = Minimal(0)
    assert kept.add(0, 0, 0)
    assert kept.add(1, 0, 0)
    assert kept.add(0, 1, 0)
    assert not kept.add(0, 0, 0)
