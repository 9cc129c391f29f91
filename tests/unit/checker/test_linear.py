"""The lock-specific algorithms agree with an exhaustive search, and avoid the two traps of CHECKERS §3."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from checker.calls import NEVER
from checker.linear.anonymous import anonymous_mutex
from checker.linear.operations import Answer, Operation
from checker.linear.owner_mutex import owner_mutex
from tests.unit.checker.referee import linearizable

SEARCHED = int(os.environ.get("LOCKQUAKE_REFEREE_HISTORIES", "3000"))
"""Random histories per comparison; ``make soak`` sets it to tens of thousands."""

referee = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
"""Hypothesis adds fewer examples, but shrinks what it finds."""

TAILS = ("", "A", "AD", "ADR", "ADN", "ADD", "C", "CN")
FLEXIBLE_TAILS = ("CR", "CD")


def ops(*written: str) -> list[Operation]:
    """``p1 A 1 7`` per operation; a missing return is one that never came."""
    found = []
    for number, text in enumerate(written):
        client, letter, inv, *ret = text.split()
        found.append(Operation(letter, client, int(inv), int(ret[0]) if ret else NEVER, number))  # type: ignore[arg-type]
    return sorted(found, key=lambda operation: (operation.inv, operation.ret))


def written(client: str, letters: str, times: Sequence[int], first: int) -> list[Operation]:
    """The operations of one client at ascending times."""
    pairs = zip(letters, times[::2], times[1::2], strict=True)
    return [
        Operation(letter, client, inv, NEVER if letter in "CD" else ret, first + number)  # type: ignore[arg-type]
        for number, (letter, inv, ret) in enumerate(pairs)
    ]


def owner_history(random: Random, tails: Sequence[str]) -> list[Operation]:
    """Up to 10 operations of up to 5 clients, each by the retiring rule; times are few, so that many touch."""
    history: list[Operation] = []
    for client in range(random.randint(1, 5)):
        pieces = random.choices(["AR", "AR", "F", "N", "AFR", "ANR"], k=random.randint(0, 2))
        letters = "".join(pieces) + random.choice(tails)
        if len(history) + len(letters) <= 10:
            times = sorted(random.sample(range(1, 27), 2 * len(letters)))
            history += written(f"p{client}", letters, times, len(history))
    return sorted(history, key=lambda operation: (operation.inv, operation.ret))


def anonymous_history(random: Random) -> list[Operation]:
    """Any letters in any order, up to 9 operations of up to 4 clients."""
    history: list[Operation] = []
    for client in range(random.randint(1, 4)):
        letters = "".join(random.choices("AAARRRFNCD", k=random.randint(0, min(4, 9 - len(history)))))
        times = sorted(random.sample(range(1, 21), 2 * len(letters)))
        history += written(f"p{client}", letters, times, len(history))
    return sorted(history, key=lambda operation: (operation.inv, operation.ret))


def compare(
    make: Callable[[Random], list[Operation]], decide: Callable[[list[Operation]], Answer], *, anonymous: bool = False
) -> Counter[bool | None]:
    """Compare with the referee on SEARCHED histories; undecided answers are counted, not compared."""
    answers: Counter[bool | None] = Counter()
    for seed in range(SEARCHED):
        history = make(Random(seed))
        answer = decide(history)
        answers[answer.valid] += 1
        if answer.valid is not None:
            assert answer.valid is linearizable(history, anonymous=anonymous), (seed, history, answer)
    return answers


@st.composite
def owner_histories(draw: st.DrawFn, tails: tuple[str, ...]) -> list[Operation]:
    """The same, drawn so that a disagreement shrinks."""
    history: list[Operation] = []
    for client in range(draw(st.integers(1, 4))):
        letters = "".join(draw(st.lists(st.sampled_from(["AR", "F", "N", "AFR"]), max_size=2)))
        letters += draw(st.sampled_from(tails))
        times = draw(st.lists(st.integers(1, 3), min_size=2 * len(letters), max_size=2 * len(letters)))
        history += written(f"p{client}", letters, list(accumulate(times)), len(history))
    return sorted(history[:9], key=lambda operation: (operation.inv, operation.ret))


def refusals_left_out(history: list[Operation]) -> list[Operation]:
    return [operation for operation in history if operation.letter not in "FN"]


def test_owner_mutex_agrees_with_the_referee() -> None:
    answers = compare(lambda random: owner_history(random, TAILS), owner_mutex)
    assert set(answers) == {True, False}, answers
    assert min(answers.values()) > SEARCHED // 20, answers


def test_owner_mutex_with_lost_acquires_is_never_wrong() -> None:
    answers = compare(lambda random: owner_history(random, (*TAILS, *FLEXIBLE_TAILS)), owner_mutex)
    assert answers[None] < SEARCHED // 10, answers


def test_without_exact_refusals_lost_acquires_are_always_decided() -> None:
    answers = compare(lambda random: refusals_left_out(owner_history(random, (*TAILS, *FLEXIBLE_TAILS))), owner_mutex)
    assert set(answers) == {True, False}, answers


def test_anonymous_mutex_agrees_with_the_referee() -> None:
    answers = compare(anonymous_history, anonymous_mutex, anonymous=True)
    assert set(answers) == {True, False}, answers
    assert min(answers.values()) > SEARCHED // 20, answers


@given(owner_histories((*TAILS, *FLEXIBLE_TAILS)))
@example(ops("p1 A 1 7", "p2 F 2 3", "p2 A 4 5", "p2 R 6 8"))
@referee
def test_a_disagreement_would_shrink(history: list[Operation]) -> None:
    answer = owner_mutex(history)
    event(f"valid: {answer.valid}")
    assert answer.valid in {None, linearizable(history)}, answer


def test_trap_possibly_held_over_extents_would_accept_this() -> None:
    """p1's acquire may have happened only after p2's release, so nobody can have refused p2 at [2, 3]."""
    history = ops("p1 A 1 7", "p2 F 2 3", "p2 A 4 5", "p2 R 6 8")
    assert linearizable(history) is False
    answer = owner_mutex(history)
    assert answer.valid is False
    assert answer.kind == "refused-while-free"
    assert [operation.letter for operation in answer.witness] == ["F"]


def test_trap_replaying_in_order_of_completion_would_reject_this() -> None:
    """The release returns after the next grant does: completion order shows two holders, an order of effects none."""
    history = ops("p1 A 1 2", "p1 R 3 9", "p2 A 4 5", "p2 R 6 7")
    assert linearizable(history) is True
    assert owner_mutex(history).valid is True


def test_touching_cores_do_not_meet() -> None:
    """At equal times calls come before returns."""
    assert owner_mutex(ops("p1 A 1 2", "p1 R 5 6", "p2 A 3 5", "p2 R 8 9")).valid is True
    assert owner_mutex(ops("p1 A 1 2", "p1 R 5 6", "p2 A 3 4", "p2 R 8 9")).valid is False


def test_a_long_core_is_compared_with_all_that_follow() -> None:
    """Neighbours alone would miss the third."""
    answer = owner_mutex(ops("p1 A 1 2", "p1 R 20 21", "p2 A 22 23", "p3 A 9 10", "p3 R 11 12"))
    assert answer.valid is False
    assert {operation.client for operation in answer.witness} == {"p1", "p3"}


@pytest.mark.parametrize(
    ("history", "kind"),
    [
        (("p1 A 1 2", "p1 A 3 4"), "double-grant"),
        (("p1 R 1 2",), "release-not-held"),
        (("p1 A 1 2", "p1 N 3 4"), "lost-lock"),
        (("p1 F 1 2",), "refused-while-free"),
        (("p1 A 1 2", "p2 C 3", "p2 R 4 5", "p1 R 6 7"), "foreign-release"),
    ],
)
def test_a_witness_names_what_is_wrong(history: tuple[str, ...], kind: str) -> None:
    answer = owner_mutex(ops(*history))
    assert (answer.valid, answer.kind) == (False, kind)
    assert answer.witness
    assert answer.why


def test_a_lost_acquire_explains_refusals_after_the_last_hold_only() -> None:
    assert owner_mutex(ops("p1 C 1", "p2 F 3 4")).valid is True
    assert owner_mutex(ops("p2 F 3 4", "p1 C 5")).valid is False
    assert owner_mutex(ops("p1 C 1", "p2 F 3 4", "p3 A 5 6", "p3 R 7 8")).valid is False


def test_undecided_names_the_client_that_went_on() -> None:
    answer = owner_mutex(ops("p1 C 1", "p2 F 3 4", "p1 R 5 6", "p3 A 7 8"))
    assert answer.valid is None
    assert "p1" in answer.why
