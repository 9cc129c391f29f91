"""Fencing tokens by hand: which pair of several is told, and what the order of rows decides."""

from __future__ import annotations

import numpy as np

from checker.tokens import Pairs, backwards, reused


def columns(*rows: tuple[int, ...]) -> list[np.ndarray]:
    return [np.array(column, np.int64) for column in zip(*rows, strict=True)]


def back(*rows: tuple[int, int, int], locks: list[int] | None = None) -> Pairs:
    """Rows of (token, inv, ret)."""
    return backwards(*columns(*rows), None if locks is None else np.array(locks, np.int32))


def again(*rows: tuple[int, int], locks: list[int] | None = None) -> Pairs:
    """Rows of (token, attempt)."""
    return reused(*columns(*rows), None if locks is None else np.array(locks, np.int32))


def test_a_greater_token_further_on_counts_too() -> None:
    """The next greater one is not over in time, the one after that is."""
    assert back((5, 10, 11), (6, 2, 20), (7, 1, 2)) == {0: (2, 0)}


def test_of_several_greater_ones_the_one_over_first_is_told() -> None:
    assert back((7, 1, 5), (8, 1, 3), (9, 1, 4), (5, 10, 11)) == {0: (1, 3)}


def test_of_several_stale_ones_the_one_used_first_is_told() -> None:
    assert back((9, 1, 2), (5, 10, 11), (4, 7, 12), (3, 8, 9)) == {0: (0, 2)}
    assert back((9, 1, 2), (5, 7, 11), (4, 7, 12)) == {0: (0, 1)}


def test_equal_tokens_are_not_backwards() -> None:
    assert back((5, 1, 2), (5, 3, 4), (5, 5, 6)) == {}


def test_the_first_use_by_another_attempt_is_told() -> None:
    assert again((5, 1), (6, 2), (6, 2), (5, 3), (6, 4)) == {0: (0, 3)}
    assert again((6, 1), (5, 2), (5, 3), (6, 4)) == {0: (1, 2)}


def test_locks_come_with_their_numbers_whatever_the_order() -> None:
    locks = [7, 3, 7, 3, 3]
    assert again((5, 1), (5, 1), (5, 2), (5, 2), (6, 3), locks=locks) == {7: (0, 2), 3: (1, 3)}
    assert back((9, 1, 2), (5, 1, 2), (5, 3, 4), (4, 3, 4), (6, 5, 6), locks=locks) == {7: (0, 2), 3: (1, 3)}


def test_neighbouring_locks_do_not_share_a_token() -> None:
    """In order of locks and tokens, the first lock's last token is the second lock's first."""
    assert back((5, 1, 2), (5, 3, 4), (6, 1, 2), locks=[0, 1, 1]) == {1: (2, 1)}
    assert again((5, 1), (5, 2), locks=[0, 1]) == {}


def test_locks_are_told_by_whole_numbers() -> None:
    assert [type(lock) for pairs in (again((5, 1), (5, 2)), back((9, 1, 2), (5, 3, 4))) for lock in pairs] == [int, int]


def test_many_locks() -> None:
    """More than one digit of a radix sort holds: each lock's second token is the first one's elder."""
    count = (1 << 16) + 3
    numbers = np.arange(count)
    lock = np.concatenate((numbers, numbers[::-1])).astype(np.int32)
    fence = np.concatenate((np.full(count, 2), np.full(count, 1)))
    inv = np.concatenate((np.zeros(count, np.int64), np.full(count, 5)))
    assert backwards(fence, inv, inv + 1, lock) == {n: (n, 2 * count - 1 - n) for n in range(count)}
    assert reused(fence, np.arange(2 * count), lock) == {}
