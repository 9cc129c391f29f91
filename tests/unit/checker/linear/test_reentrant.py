"""Re-entrant mutexes: every class agrees with an exhaustive search, and answers show the fewest operations."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from checker.linear.operations import Answer, Answers, Operations, written
from checker.linear.reentrant import reentrant
from tests.unit.checker.linear import drawn
from tests.unit.checker.linear.drawn import SEARCHED, Draw, compare, referee_decides
from tests.unit.checker.referee import FREE, Op, linearizable, ops_of
from tests.unit.checker.referee_models import reentrant as model

LIMITS = (1, 2, 3)
SHARE = SEARCHED // 5
"""Histories per comparison: there are many."""


def compared(limit: int, letters: str, *, retire: bool = True, decided: bool = False) -> Counter[bool | None]:
    def judge(operations: Operations) -> Answers:
        return reentrant(operations, limit, referee_decides(model(limit), FREE) if decided else None)

    answers = compare(judge, Draw(model(limit), FREE, letters, clients=3, retire=retire), SHARE)
    assert min(answers[True], answers[False]) > SHARE // 20, answers
    return answers


def answer(limit: int, *texts: str) -> Answer | None:
    return reentrant(written(texts)[0], limit).get(0)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("letters", ["AAR", "AARRN", "AAARRRFFFN"])
def test_completed_operations_agree_with_the_referee(limit: int, letters: str) -> None:
    assert None not in compared(limit, letters)


@pytest.mark.parametrize("limit", LIMITS)
def test_without_refused_tries_crashes_are_decided_too(limit: int) -> None:
    assert None not in compared(limit, "AAARRRNCD")
    assert compared(limit, "AAARRRNCD", retire=False)[None] < SHARE // 50


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize(("letters", "open_"), [("AAARRRFFFND", 0), ("AAARRRFFFNC", 50), ("AAARRRFFFNCD", 10)])
def test_crashes_with_refused_tries_are_never_judged_wrongly(limit: int, letters: str, open_: int) -> None:
    undecided = compared(limit, letters)[None]
    assert undecided <= (SHARE // open_ if open_ else 0)


@pytest.mark.parametrize("limit", LIMITS)
def test_clients_that_go_on_after_a_crash_are_never_judged_wrongly(limit: int) -> None:
    compared(limit, "AAARRRFFFNCD", retire=False)


@pytest.mark.parametrize("limit", LIMITS)
def test_with_a_general_search_nothing_is_undecided(limit: int) -> None:
    assert None not in compared(limit, "AAARRRFFFNCD", retire=False, decided=True)


@given(drawn.few_operations("AAARRRFFNCD"), st.integers(1, 3))
@example([Op("A", 0, 1, 2), Op("C", 0, 3, drawn.NEVER), Op("R", 0, 4, 5), Op("F", 1, 6, 7)], 2)
@example([Op("A", 0, 1, 2), Op("D", 0, 3, drawn.NEVER), Op("A", 0, 4, 5), Op("A", 1, 6, 7)], 2)
@drawn.shrinking
def test_a_disagreement_would_shrink(ops: list[Op], limit: int) -> None:
    valid = drawn.agree(lambda operations: reentrant(operations, limit), ops, model(limit), FREE)
    event(f"valid: {valid}")


@pytest.mark.parametrize(
    ("texts", "kind", "witness"),
    [
        (("p0 A 1 2", "p0 A 3 4", "p0 R 5 6", "p1 A 7 8"), "double-grant", (0, 3)),
        (("p0 A 1 2", "p0 A 3 4", "p0 A 5 6"), "limit-exceeded", (2, 0)),
        (("p0 A 1 2", "p0 A 3 4", "p0 R 5 6", "p0 R 7 8", "p0 R 9 10"), "release-not-held", (4,)),
        (("p0 A 1 2", "p0 A 3 4", "p0 R 5 6", "p0 N 7 8"), "lost-lock", (3,)),
        (("p0 A 1 2", "p0 F 3 4"), "refused-while-free", (1, 0)),
        (("p0 A 1 2", "p0 R 3 4", "p1 F 5 6"), "refused-while-free", (2, 1)),
        (("p0 A 1 2", "p0 A 3 4", "p0 R 5 6", "p0 R 7 8", "p1 F 9 10"), "refused-while-free", (4, 3)),
    ],
)
def test_kinds(texts: tuple[str, ...], kind: str, witness: tuple[int, ...]) -> None:
    found = answer(2, *texts)
    assert found is not None
    assert (found.valid, found.kind) == (False, kind)
    assert found.witness == witness
    assert "{" not in found.why.format(*range(9))


def test_a_hold_lasts_from_the_outermost_acquire_to_the_last_release() -> None:
    inner = ("p0 A 1 2", "p0 A 3 4", "p0 R 5 6", "p0 R 7 8")
    assert answer(2, *inner, "p1 A 7 9") is None
    found = answer(2, *inner, "p1 A 5 6")
    assert found is not None
    assert (found.kind, set(found.witness)) == ("double-grant", {0, 3, 4})


def test_a_refusal_within_the_own_hold_is_right_at_the_limit_only() -> None:
    texts = ("p0 A 1 2", "p0 A 3 4", "p0 F 5 6")
    assert answer(2, *texts) is None
    found = answer(3, *texts)
    assert found is not None
    assert found.why.format("p0", "p0") == "p0 was refused within its own hold, though it may hold it 3 times"


def test_a_lost_acquire_within_a_hold_may_keep_it_for_ever() -> None:
    texts = ("p0 A 1 2", "p0 C 3", "p0 R 5 6", "p1 F 7 8")
    assert answer(2, *texts) is None
    found = answer(2, *texts, "p2 A 9 10")
    assert found is not None
    assert (found.kind, found.witness) == ("refused-while-free", (3, 2, 4))


def test_a_lost_release_ends_the_hold_only_where_it_was_the_last() -> None:
    assert answer(2, "p0 A 1 2", "p0 A 3 4", "p0 D 5", "p0 R 6 7", "p1 A 8 9") is None
    found = answer(2, "p0 A 1 2", "p0 A 3 4", "p0 D 5", "p1 A 8 9")
    assert found is not None
    assert found.kind == "double-grant"


def test_a_witness_names_each_operation_once() -> None:
    """The grant that a release of unknown effect undid at once stands for two operations of the reduced history."""
    texts = ("p0 A 1 2", "p0 D 3", "p0 R 4 5", "p1 A 6 7", "p0 A 8 9")
    assert not linearizable(ops_of(written(texts)[0]), model(2), FREE)
    found = answer(2, *texts)
    assert found is not None
    assert sorted(found.witness) == [3, 4]
    assert sorted(found.why.format("p?", "p?").split()) == sorted(found.why.format(*("p?",) * 4).split())


def test_an_undecided_answer_names_who_went_on() -> None:
    found = answer(2, "p0 A 1 2", "p0 C 3", "p0 A 5 6", "p0 F 7 8", "p1 F 9 10")
    assert found is not None
    assert (found.valid, found.kind) == (None, "undecided")
    assert found.witness == (0, 1, 2, 3)


def test_two_holders_are_seen_without_a_search_even_where_refusals_are_not() -> None:
    found = answer(2, "p0 A 1 2", "p0 C 3", "p0 A 5 6", "p0 F 7 8", "p1 A 9 10")
    assert found is not None
    assert (found.valid, found.kind) == (False, "double-grant")


def test_many_locks_are_judged_apart() -> None:
    texts = [f"p0 A {2 * depth + 1} {2 * depth + 2} lock={lock}" for lock in range(9) for depth in range(1 + lock % 3)]
    assert set(reentrant(written(texts)[0], 2)) == {2, 5, 8}


def test_nothing_and_no_limit() -> None:
    operations, _ = written(["p0 A 1 2"])
    assert reentrant(operations.take(slice(0)), 1) == {}
    with pytest.raises(ValueError, match="at least once"):
        reentrant(operations, 0)
