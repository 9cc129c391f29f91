"""Fencing tokens in use: the two orders that are wrong, compared with their definitions, pair by pair."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.tokens import Pairs, backwards, out_of_order, reused
from histories.columns import NEVER
from tests.unit.checker.lock_histories import HISTORIES

drawn = settings(max_examples=200, deadline=None, derandomize=True)


class Token(NamedTuple):
    """One use of a token; the columns in the order the functions take them."""

    fence: int
    attempt: int
    inv: int
    ret: int
    lock: int = 0


def columns(tokens: list[Token]) -> list[np.ndarray]:
    return [np.array(column, np.int64) for column in (list(zip(*tokens, strict=True)) or [()] * 5)]


def judged(tokens: list[Token]) -> tuple[Pairs, Pairs]:
    fence, attempt, inv, ret, lock = columns(tokens)
    lock = lock.astype(np.int32)
    return reused(fence, attempt, lock), backwards(fence, inv, ret, lock)


def defined_reused(tokens: list[Token]) -> Pairs:
    """All pairs of rows, in the order given."""
    found: Pairs = {}
    for second, b in enumerate(tokens):
        for first, a in enumerate(tokens[:second]):
            if (a.fence, a.lock) == (b.fence, b.lock) and a.attempt != b.attempt:
                found.setdefault(b.lock, (min(r for r, t in enumerate(tokens) if t[::4] == b[::4]), second))
                assert first < second
    return found


def defined_backwards(tokens: list[Token]) -> Pairs:
    """Of all pairs (greater one over, smaller one later) that put to use first, then that whose greater one ended
    first; rows decide what times do not."""
    found: dict[int, list[tuple[int, int, int, int, int]]] = {}
    for (first, a), (second, b) in product(enumerate(tokens), enumerate(tokens)):
        if a.lock == b.lock and a.fence > b.fence and a.ret < b.inv:
            found.setdefault(b.lock, []).append((b.inv, second, a.ret, a.fence, first))
    return {lock: (min(pairs)[4], min(pairs)[1]) for lock, pairs in found.items()}


def drawn_tokens(random: Random) -> list[Token]:
    """Mostly in order of time, as grants come: few values, so that many are equal."""
    tokens, now = [], 0
    for attempt in range(random.randint(0, 7)):
        now += random.randint(0, 3)
        fence = random.choice((attempt, attempt, attempt, random.randint(0, 7)))
        ret = random.choice((now, now + 1, now + random.randint(0, 5), NEVER))
        tokens.append(Token(fence, random.choice((attempt, attempt, 0)), now, ret, random.randint(0, 2)))
    random.shuffle(tokens)
    return tokens


tokens_of = st.lists(
    st.builds(
        lambda fence, attempt, inv, took, lock: Token(fence, attempt, inv, inv + took, lock),
        *(st.integers(0, most) for most in (4, 3, 6, 4, 2)),
    ),
    max_size=8,
)


def same_times(tokens: list[Token], mine: Pairs, defined: Pairs) -> bool:
    """Whether the pairs show the same two moments, and are pairs as defined."""
    times = [
        {lock: (tokens[second].inv, tokens[first].ret) for lock, (first, second) in pairs.items()}
        for pairs in (mine, defined)
    ]
    right = all(tokens[a].fence > tokens[b].fence and tokens[a].ret < tokens[b].inv for a, b in mine.values())
    return times[0] == times[1] and right


def test_random_tokens_are_judged_as_defined() -> None:
    wrong = [0, 0]
    for seed in range(HISTORIES):
        tokens = drawn_tokens(Random(seed))
        again, back = judged(tokens)
        assert again == defined_reused(tokens), tokens
        assert same_times(tokens, back, defined_backwards(tokens)), (tokens, back)
        wrong = [wrong[0] + bool(again), wrong[1] + bool(back)]
    assert min(wrong) > HISTORIES // 20, wrong
    assert max(wrong) < 9 * HISTORIES // 10, wrong


@given(tokens_of)
@drawn
def test_a_disagreement_would_shrink(tokens: list[Token]) -> None:
    again, back = judged(tokens)
    assert again == defined_reused(tokens)
    assert same_times(tokens, back, defined_backwards(tokens))


@given(tokens_of)
@drawn
def test_many_locks_are_judged_like_each_alone(tokens: list[Token]) -> None:
    again, back = judged(tokens)
    for lock in range(3):
        rows = [row for row, token in enumerate(tokens) if token.lock == lock]
        own = [tokens[row] for row in rows]
        for mine, alone in zip((again, back), judged(own), strict=True):
            assert mine.get(lock) == (tuple(rows[row] for row in alone[lock]) if lock in alone else None)


@given(tokens_of)
@drawn
def test_one_lock_needs_no_column_of_locks(tokens: list[Token]) -> None:
    tokens = [token._replace(lock=0) for token in tokens]
    again, back = judged(tokens)
    fence, attempt, inv, ret, _ = columns(tokens)
    assert (reused(fence, attempt), backwards(fence, inv, ret)) == (again, back)
    assert out_of_order(fence, attempt, inv, ret) == (again.get(0) or back.get(0))


def test_one_token_belongs_to_one_attempt() -> None:
    assert judged([Token(5, 1, 1, 2), Token(5, 2, 1, 2)]) == ({0: (0, 1)}, {})


def test_a_re_entry_repeats_the_token() -> None:
    assert judged([Token(5, 1, 1, 2), Token(5, 1, 3, 4), Token(6, 2, 5, 6)]) == ({}, {})


def test_concurrent_grants_may_have_any_order() -> None:
    """Touching is concurrent: only what was over before counts."""
    assert judged([Token(6, 1, 1, 5), Token(5, 2, 5, 6)]) == ({}, {})
    assert judged([Token(6, 1, 1, 4), Token(5, 2, 5, 6)]) == ({}, {0: (0, 1)})


def test_tokens_that_were_burnt_are_no_harm() -> None:
    assert judged([Token(1, 1, 1, 2), Token(100, 2, 3, 4)]) == ({}, {})


def test_the_same_token_of_another_lock_is_another_token() -> None:
    assert judged([Token(5, 1, 1, 2, 0), Token(5, 2, 3, 4, 1), Token(4, 3, 5, 6, 2)]) == ({}, {})


def test_no_tokens_are_right() -> None:
    assert judged([]) == ({}, {})
