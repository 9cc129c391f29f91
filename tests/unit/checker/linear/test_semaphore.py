"""Semaphores: every class agrees with an exhaustive search, and answers show the fewest operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from checker.linear import frontier
from checker.linear.operations import Answer, Answers, Operations, written
from checker.linear.semaphore import semaphore
from tests.unit.checker.linear import drawn
from tests.unit.checker.linear.drawn import SEARCHED, Draw, compare, referee_decides
from tests.unit.checker.referee import Op, linearizable, ops_of
from tests.unit.checker.referee_models import NONE_HELD
from tests.unit.checker.referee_models import semaphore as model

PERMITS = (1, 2, 3)
SHARE = SEARCHED // 6
"""Histories per comparison: there are many."""


def judge(permits: int, *, owners: bool, decided: bool = False) -> Callable[[Operations], Answers]:
    decide = referee_decides(model(permits, owners=owners), NONE_HELD) if decided else None
    return lambda operations: semaphore(operations, permits, owners=owners, decide=decide)


def compared(
    permits: int,
    letters: str,
    weights: tuple[int, ...] = (1,),
    *,
    owners: bool,
    retire: bool = True,
    decided: bool = False,
) -> Counter[bool | None]:
    draw = Draw(model(permits, owners=owners), NONE_HELD, letters, weights, retire=retire)
    answers = compare(judge(permits, owners=owners, decided=decided), draw, SHARE)
    assert min(answers[True], answers[False]) > SHARE // 20, answers
    return answers


def answer(permits: int, *texts: str, owners: bool = True) -> Answer | None:
    return semaphore(written(texts)[0], permits, owners=owners).get(0)


SOME = (2, 3)


@pytest.mark.parametrize("permits", PERMITS)
@pytest.mark.parametrize("letters", ["AAR", "AARRN", "AARRNCD"])
def test_owned_permits_without_refused_tries_agree_with_the_referee(permits: int, letters: str) -> None:
    assert None not in compared(permits, letters, owners=True)


@pytest.mark.parametrize("permits", PERMITS)
def test_owned_permits_with_refused_tries_agree_with_the_referee(permits: int) -> None:
    assert None not in compared(permits, "AAARRFFF", owners=True)


@pytest.mark.parametrize("permits", PERMITS)
def test_owned_permits_with_all_letters_agree_with_the_referee(permits: int) -> None:
    assert compared(permits, "AAARRFFFNCD", owners=True)[None] < SHARE // 50


@pytest.mark.parametrize("permits", PERMITS)
def test_clients_that_go_on_after_a_crash_are_never_judged_wrongly(permits: int) -> None:
    assert compared(permits, "AARRNCD", owners=True, retire=False)[None] < SHARE // 50
    compared(permits, "AAARRFFFNCD", owners=True, retire=False)


@pytest.mark.parametrize("permits", SOME)
def test_with_a_general_search_nothing_is_undecided(permits: int) -> None:
    assert None not in compared(permits, "AAARRFFFNCD", owners=True, retire=False, decided=True)


@pytest.mark.parametrize("permits", PERMITS)
@pytest.mark.parametrize("letters", ["AAR", "AAARRCD", "AAARRFFF", "AAARRFFFNNCD"])
def test_permits_that_anybody_gives_back_agree_with_the_referee(permits: int, letters: str) -> None:
    assert None not in compared(permits, letters, owners=False)


@pytest.mark.parametrize("permits", [3, 4])
@pytest.mark.parametrize("letters", ["AAR", "AAARRFFFN"])
@pytest.mark.parametrize("owners", [True, False])
def test_several_permits_at_once_agree_with_the_referee(permits: int, letters: str, owners: bool) -> None:
    assert None not in compared(permits, letters, (1, 2, 3), owners=owners)


@pytest.mark.parametrize("letters", ["AAARRCD", "AAARRFFFNCD"])
def test_several_permits_at_once_and_crashes_agree_with_the_referee(letters: str) -> None:
    assert None not in compared(3, letters, (1, 2, 3), owners=False)
    assert None not in compared(3, letters, (1, 2, 3), owners=True, retire=False, decided=True)
    compared(3, letters, (1, 2, 3), owners=True, retire=False)


@given(drawn.few_operations("AAARRFFNCD"), st.integers(1, 3), st.booleans())
@example([Op("A", 0, 1, 7), Op("F", 1, 2, 3), Op("A", 1, 4, 5), Op("R", 1, 6, 8)], 1, True)
@drawn.shrinking
def test_a_disagreement_would_shrink(ops: list[Op], permits: int, owners: bool) -> None:
    valid = drawn.agree(judge(permits, owners=owners), ops, model(permits, owners=owners), NONE_HELD)
    event(f"valid: {valid}")


@given(drawn.few_operations("AAARRFFNCD", (1, 2, 3)), st.integers(2, 4), st.booleans())
@drawn.shrinking
def test_a_disagreement_about_weights_would_shrink(ops: list[Op], permits: int, owners: bool) -> None:
    drawn.agree(judge(permits, owners=owners), ops, model(permits, owners=owners), NONE_HELD)


def test_one_grant_too_many_is_shown_with_the_holds_that_leave_no_room() -> None:
    texts = ["p0 A 1 2", "p0 R 3 4", "p1 A 5 6", "p2 A 7 8", "p3 A 9 10", "p1 R 11 12", "p2 R 13 14", "p3 R 15 16"]
    assert answer(3, *texts) is None
    found = answer(2, *texts)
    assert found is not None
    assert (found.valid, found.kind) == (False, "double-grant")
    assert [texts[row] for row in found.witness] == ["p3 A 9 10", "p1 A 5 6", "p2 A 7 8", "p1 R 11 12", "p2 R 13 14",
                                                     "p3 R 15 16"]  # fmt: skip
    assert found.why.format(*"312") == "3 was granted 1 of 2 while 1 and 2 certainly held 2"


def test_the_witness_alone_is_a_violation() -> None:
    draw = Draw(model(2, owners=True), NONE_HELD, "AAARR", (1, 2), wrong=0.3)
    histories = [drawn.history(drawn.Random(seed), draw) for seed in range(300)]
    operations = drawn.columns(histories)
    answers = semaphore(operations, 2, owners=True)
    assert len(answers) > 50
    for found in answers.values():
        shown = sorted(drawn.rows_of(operations, found.witness), key=lambda op: (op.inv, op.ret))
        assert not linearizable(shown, model(2, owners=True), NONE_HELD), found


def test_largest_grants_are_shown_first() -> None:
    found = answer(5, "p0 A 1 2 weight=1", "p1 A 3 4 weight=4", "p2 A 5 6 weight=3")
    assert found is not None
    assert found.witness == (2, 1)


def test_more_permits_than_there_are_cannot_be_granted() -> None:
    found = answer(2, "p0 A 1 2 weight=3")
    assert found is not None
    assert (found.kind, found.witness) == ("double-grant", (0,))


@pytest.mark.parametrize(
    ("owners", "texts", "kind", "witness"),
    [
        (True, ("p0 R 1 2",), "release-not-held", (0,)),
        (True, ("p0 A 1 2", "p1 R 3 4"), "release-not-held", (1,)),
        (True, ("p0 A 1 2", "p0 N 3 4"), "lost-lock", (1,)),
        (True, ("p0 A 1 2", "p1 F 3 4"), "refused-while-free", (1,)),
        (True, ("p0 A 1 2", "p1 A 1 2", "p0 R 5 6", "p2 C 3", "p2 R 4 4"), "foreign-release", (3, 0, 1)),
        (True, ("p0 D 1", "p0 A 4 5", "p1 A 1 2", "p2 A 1 2"), "double-grant", (3, 1, 2)),
        (False, ("p0 A 1 2", "p1 N 3 4"), "lost-lock", (1,)),
        (False, ("p0 A 1 2", "p1 R 3 4", "p2 R 5 6"), "release-not-held", (2,)),
        (False, ("p0 A 1 2", "p1 F 3 4"), "refused-while-free", (1,)),
    ],
)
def test_kinds(owners: bool, texts: tuple[str, ...], kind: str, witness: tuple[int, ...]) -> None:
    found = answer(2, *texts, owners=owners)
    assert found is not None
    assert (found.valid, found.kind) == (False, kind)
    assert found.witness[: len(witness)] == witness
    assert "{" not in found.why.format(*range(9))


def test_two_refusals_can_contradict_each_other() -> None:
    """If p2 came in for p1's refusal, p0 had to go for p4, and nobody is left for p3's."""
    texts = ["p0 A 1 2", "p2 A 3 30", "p0 R 4 40", "p1 F 5 6", "p4 A 7 8", "p4 R 9 10", "p3 F 11 12"]
    assert answer(2, *texts[:3], *texts[4:]) is None
    assert answer(2, *texts[:6]) is None
    found = answer(2, *texts)
    assert found is not None
    assert (found.kind, found.witness) == ("refused-while-free", (3, 6))
    assert not linearizable(ops_of(written(texts)[0]), model(2, owners=True), NONE_HELD)


def test_a_lost_acquire_that_was_released_explains_refusals_before_that_only() -> None:
    texts = ["p0 A 1 2", "p1 C 3", "p2 F 4 5", "p1 R 6 7"]
    assert answer(2, *texts) is None
    found = answer(2, *texts, "p2 F 8 9")
    assert found is not None
    assert (found.kind, found.witness) == ("refused-while-free", (4,))


def test_a_lost_acquire_that_was_released_is_used_up() -> None:
    texts = ["p1 C 8", "p0 F 10 15", "p1 R 13 16", "p0 A 18 19", "p0 R 21 23"]
    assert answer(1, *texts) is None
    found = answer(1, *texts, "p0 F 27 29")
    assert found is not None
    assert (found.kind, found.witness) == ("refused-while-free", (5,))


def test_a_released_lost_acquire_needs_room_although_a_refusal_needs_none() -> None:
    """p0 must have gone by 10 to let p1 in, so a permit is free at 12; handing p0's over to p4 would explain it."""
    texts = ["p0 A 1 2", "p3 A 1 2", "p0 R 5 20", "p2 F 12 13", "p4 A 15 30"]
    assert answer(2, *texts) is None
    found = answer(2, *texts, "p1 C 3", "p1 R 8 10")
    assert found is not None
    assert found.kind == "refused-while-free"
    assert not linearizable(ops_of(written([*texts, "p1 C 3", "p1 R 8 10"])[0]), model(2, owners=True), NONE_HELD)


def test_a_lost_acquire_may_take_effect_for_a_refusal_just_before_a_release() -> None:
    assert answer(2, "p1 A 3 10", "p0 F 11 20", "p1 C 11", "p1 R 17 18") is None


def test_a_lost_release_gives_back_only_what_a_lost_acquire_gave() -> None:
    texts = ["p0 A 1 2", "p1 C 3", "p2 F 4 5", "p1 D 6", "p2 A 8 9"]
    assert answer(2, *texts) is None
    assert answer(2, *texts, "p2 R 10 11", "p0 N 12 13") is not None
    assert answer(2, *texts[:3], *texts[4:]) is not None


def test_refused_tries_of_a_client_that_went_on_are_left_open_without_a_search() -> None:
    texts = ["p0 A 1 2", "p1 D 3", "p2 F 4 5", "p1 A 6 7"]
    found = answer(2, *texts)
    assert found is not None
    assert (found.valid, found.kind) == (None, "undecided")
    assert "p1" in found.why.format("p1")
    assert [texts[row][:4] for row in found.witness] == ["p1 D", "p1 A"]


def test_a_search_that_grows_too_wide_is_left_to_the_general_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontier, "MOST", 0)
    texts = ["p0 A 1 2", "p2 A 3 30", "p0 R 4 40", "p1 F 5 6", "p4 A 7 8", "p4 R 9 10"]
    found = answer(2, *texts)
    assert found is not None
    assert (found.valid, found.kind) == (None, "undecided")
    decided = semaphore(written(texts)[0], 2, owners=True, decide=referee_decides(model(2, owners=True), NONE_HELD))
    assert decided == {}


def test_a_lazy_search_would_reject_this() -> None:
    """At p1's release the pending grant must be used up to settle p5's refusal, though nothing forces it then."""
    texts = ["p0 A 1 2", "p1 A 1 2", "p5 F 4 20", "p2 A 5 30", "p1 R 6 7", "p1 N 8 9", "p0 R 24 25"]
    assert linearizable(ops_of(written(texts)[0]), model(3, owners=True), NONE_HELD)
    assert answer(3, *texts) is None


def test_many_locks_are_judged_apart() -> None:
    texts = [f"p{client} A {lock} {lock + 1} lock={lock}" for lock in range(0, 90, 3) for client in range(1 + lock % 4)]
    answers = semaphore(written(texts)[0], 2, owners=True)
    assert set(answers) == {lock for lock in range(0, 90, 3) if lock % 4 >= 2}


def test_nothing_and_no_permits() -> None:
    operations, _ = written(["p0 A 1 2"])
    assert semaphore(operations.take(slice(0)), 1, owners=True) == {}
    with pytest.raises(ValueError, match="at least one permit"):
        semaphore(operations, 0, owners=True)
