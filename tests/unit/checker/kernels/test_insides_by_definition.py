"""The sweep over insides says what comparing all pairs says, for every kind of lock and for several locks at once."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from checker.holds import Holds
from checker.insides import meetings, met_of_others
from histories.spec import Spec
from histories.vocabulary import MODES

ROUNDS = 250
LARGE = 1 << 40
"""Times as large as those of a clock in ns."""


class Inside(NamedTuple):
    """In order of (lock, entered, left)."""

    lock: int
    entered: int
    left: int
    client: int
    permits: int
    mode: int


def drawn(random: Random, locks: int) -> list[Inside]:
    """Few moments, so that many touch; some take no time."""
    found = []
    for _ in range(random.randint(0, 9)):
        entered = random.randint(0, 12)
        left = entered + random.choice((0, 1, 2, 3, 8))
        found.append(Inside(random.randrange(locks), entered, left, random.randrange(4), random.choice((1, 1, 2)),
                            random.randrange(len(MODES))))  # fmt: skip
    return sorted(found)


def swept(insides: list[Inside], spec: Spec, process: list[int], offset: int = 0) -> Any:
    lock, entered, left, client, permits, mode = (
        np.array(column, np.int64) for column in (list(zip(*insides, strict=True)) or [()] * 6)
    )
    calls = SimpleNamespace(permits=permits.astype(np.int32), mode=mode.astype(np.uint8))
    holds = Holds(lock.astype(np.int32), client.astype(np.int32), np.arange(len(insides)), entered + offset,
                  left + offset, np.zeros(len(insides), np.uint8))  # fmt: skip
    return meetings(holds, np.array(process, np.int32), spec, calls)  # type: ignore[arg-type]


Clash = Callable[[Inside, Inside], bool]


def defined(insides: list[Inside], clash: Clash) -> dict[int, list[int]]:
    """Per hold that entered beside others, these others."""
    found: dict[int, list[int]] = {}
    for second, b in enumerate(insides):
        for first, a in enumerate(insides[:second]):
            if a.lock == b.lock and min(a.left, b.left) > b.entered and a.left > a.entered and clash(a, b):
                found.setdefault(second, []).append(first)
    return found


def check(insides: list[Inside], spec: Spec, clash: Clash, process: list[int], offset: int = 0) -> int:
    """Compare; returns how many holds met others."""
    met, expected = swept(insides, spec, process, offset), defined(insides, clash)
    assert {column.dtype for column in (met.first, met.second, met.pairs)} == {np.dtype(np.int64)}
    assert met.second.tolist() == list(expected), insides
    assert met.pairs.tolist() == [len(others) for others in expected.values()]
    for first, second in zip(met.first.tolist(), met.second.tolist(), strict=True):
        # Of several the one that is left last shares the longest time.
        assert first in expected[second]
        assert insides[first].left == max(insides[other].left for other in expected[second])
    return len(expected)


@pytest.mark.parametrize("locks", [1, 3])
def test_a_mutex_agrees_with_comparing_all_pairs(locks: int) -> None:
    process = [0, 1, 2, 2]
    met = 0
    for seed in range(ROUNDS):
        insides = drawn(Random(seed), locks)
        met += check(insides, Spec(), lambda a, b: process[a.client] != process[b.client], process, seed % 2 * LARGE)
    assert met > ROUNDS // 3


@pytest.mark.parametrize("locks", [1, 3])
def test_readers_meet_writers_only(locks: int) -> None:
    shared = MODES.index("shared")
    met = 0
    for seed in range(ROUNDS):
        insides = drawn(Random(seed), locks)
        met += check(insides, Spec(read_write=True), lambda a, b: {a.mode, b.mode} != {shared}, [0, 1, 2, 3])
    assert met > ROUNDS // 3


@pytest.mark.parametrize("locks", [1, 3])
def test_no_more_permits_than_there_are(locks: int) -> None:
    met = 0
    for seed in range(ROUNDS):
        insides, limit = drawn(Random(seed), locks), 2 + seed % 2
        found = swept(insides, Spec(permits=limit), [0, 1, 2, 3])
        here = [one for one in enumerate(insides) if one[1].left > one[1].entered]
        expected = [
            number
            for number, one in here
            if sum(b.permits for n, b in here if n <= number and b.lock == one.lock and b.left > one.entered) > limit
        ]
        assert found.pairs.dtype == np.int64
        assert found.second.tolist() == expected, insides
        assert found.pairs.tolist() == [1] * len(expected)
        for first, second in zip(found.first.tolist(), expected, strict=True):
            before = [b.left for n, b in here if n < second and b.lock == insides[second].lock]
            assert insides[first].left == max(before, default=insides[first].left)
        met += len(expected)
    assert met > ROUNDS // 10


def test_one_grant_of_more_permits_than_there_are() -> None:
    found = swept([Inside(0, 1, 5, 0, 3, 0), Inside(0, 2, 6, 1, 1, 0)], Spec(permits=2), [0, 1])
    assert (found.first.tolist(), found.second.tolist()) == ([0, 0], [0, 1])


def test_the_meetings_of_one_lock() -> None:
    """Counted from its own first hold."""
    pairs = [Inside(lock, *times, client, 1, 0) for lock in range(3) for client, times in enumerate([(1, 5), (2, 6)])]
    found = swept(pairs, Spec(), [0, 1])
    assert found.second.tolist() == [1, 3, 5]
    for lock in range(3):
        own = found.between(2 * lock, 2 * lock + 2)
        assert (own.first.tolist(), own.second.tolist(), own.pairs.tolist()) == ([0], [1], [1])
    assert found.between(0, 1).second.tolist() == []


def test_nothing_meets_nothing() -> None:
    for spec in (Spec(), Spec(permits=2), Spec(read_write=True)):
        assert swept([], spec, [0]).second.tolist() == []
    empty = np.zeros(0, np.int64)
    assert [column.tolist() for column in met_of_others(empty, empty, empty.astype(np.int32))] == [[], [], []]
    one = np.array([3], np.int64)
    assert [column.tolist() for column in met_of_others(one, one + 2, np.zeros(1, np.int32))] == [[], [], []]
