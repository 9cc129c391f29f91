"""An order of leases is found exactly when trying all orders finds one."""

from __future__ import annotations

import os
from collections import Counter
from itertools import permutations
from random import Random

import numpy as np
import pytest

from checker.lease_order import Lease, out_of_any_order
from histories.columns import NEVER

SEARCHED = int(os.environ.get("LOCKQUAKE_REFEREE_HISTORIES", "3000")) * 4


def any_order(leases: list[Lease]) -> bool:
    for order in permutations(leases):
        free = -NEVER
        for lease in order:
            start = max(lease.asked, free)
            if start > lease.back:
                break
            free = lease.end(start)
        else:
            return True
    return False


def drawn(random: Random) -> list[Lease]:
    ttl, leases = random.choice([2, 5, 9]), []
    for number in range(random.randint(1, 6)):
        asked = random.randint(0, 20)
        back = asked + random.choice([0, 1, 2, 6, 12])
        renewed = asked if random.random() < 0.8 else back + random.randint(0, 6)
        letting_go = NEVER if random.random() < 0.4 else back + random.randint(0, 10)
        leases.append(Lease(number, asked, back, renewed, letting_go, ttl))
    leases.sort(key=lambda lease: lease.back)
    return [lease._replace(number=number) for number, lease in enumerate(leases)]


def judged(leases: list[Lease]) -> bool:
    columns = (np.array(column, np.int64) for column in zip(*[lease[1:5] for lease in leases], strict=True))
    found = out_of_any_order(*columns, leases[0].ttl)
    if found is not None:
        assert found.decided
        assert not any_order([leases[number] for number in found.numbers])  # they alone show it
    return found is None


@pytest.mark.parametrize("block", range(4))
def test_an_order_is_found_exactly_where_there_is_one(block: int) -> None:
    answers: Counter[bool] = Counter()
    for seed in range(block * SEARCHED // 4, (block + 1) * SEARCHED // 4):
        leases = drawn(Random(seed))
        answer = judged(leases)
        assert answer == any_order(leases), (seed, leases)
        answers[answer] += 1
    assert min(answers[True], answers[False]) > SEARCHED // 20, answers


def test_too_many_without_a_place_are_undecided() -> None:
    """Thirteen acquires that took longer than their leases last, in the way of one that certainly held."""
    count = 14
    asked, back = np.zeros(count, np.int64), np.full(count, 20, np.int64)
    found = out_of_any_order(asked, back, asked, np.full(count, NEVER), 5)
    assert found is not None
    assert not found.decided
    assert len(found.numbers) == count
