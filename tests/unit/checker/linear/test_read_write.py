"""Read-write locks: every class agrees with an exhaustive search, and answers show the fewest operations."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from checker.linear.operations import Answer, Answers, Operations, written
from checker.linear.read_write import read_write
from tests.unit.checker.linear import drawn
from tests.unit.checker.linear.drawn import SEARCHED, Draw, compare, referee_decides
from tests.unit.checker.referee import Op, linearizable, ops_of
from tests.unit.checker.referee_models import NOBODY_IN
from tests.unit.checker.referee_models import read_write as model

MODES = (True, True, False)
SHARE = SEARCHED // 4
"""Histories per comparison: there are many."""


def compared(letters: str, *, fair: bool = False, retire: bool = True, decided: bool = False) -> Counter[bool | None]:
    def judge(operations: Operations) -> Answers:
        decide = referee_decides(model(fair=fair), NOBODY_IN) if decided else None
        return read_write(operations, fair=fair, decide=decide)

    answers = compare(judge, Draw(model(fair=fair), NOBODY_IN, letters, shared=MODES, retire=retire), SHARE)
    assert min(answers[True], answers[False]) > SHARE // 20, answers
    return answers


def answer(*texts: str, fair: bool = False) -> Answer | None:
    found = read_write(written(texts)[0], fair=fair).get(0)
    assert found is None or found.valid is not False or not right(*texts, fair=fair)
    return found


def right(*texts: str, fair: bool = False) -> bool:
    return linearizable(ops_of(written(texts)[0]), model(fair=fair), NOBODY_IN)


@pytest.mark.parametrize("fair", [False, True])
@pytest.mark.parametrize("letters", ["AAR", "AARRN", "AARRNCD", "AAARRRFFF", "AAARRRFFFND"])
def test_all_is_decided(letters: str, fair: bool) -> None:
    assert None not in compared(letters, fair=fair)


@pytest.mark.parametrize("fair", [False, True])
@pytest.mark.parametrize("letters", ["AAARRRFFFC", "AAARRRFFFNC", "AAARRRFFFNCD"])
def test_lost_acquires_with_refused_tries_are_never_judged_wrongly(letters: str, fair: bool) -> None:
    assert compared(letters, fair=fair)[None] < SHARE // 10


def test_clients_that_go_on_after_a_crash_are_never_judged_wrongly() -> None:
    assert compared("AARRNCD", retire=False)[None] < SHARE // 50
    compared("AAARRRFFFNCD", retire=False)


@pytest.mark.parametrize("fair", [False, True])
def test_with_a_general_search_nothing_is_undecided(fair: bool) -> None:
    assert None not in compared("AAARRRFFFNCD", fair=fair, retire=False, decided=True)


@given(drawn.few_operations("AAARRRFFNCD", (1,), (True, False)), st.booleans())
@example([Op("A", 0, 1, 7), Op("F", 1, 2, 3), Op("A", 1, 4, 5), Op("R", 1, 6, 8)], False)
@drawn.shrinking
def test_a_disagreement_would_shrink(ops: list[Op], fair: bool) -> None:
    valid = drawn.agree(lambda operations: read_write(operations, fair=fair), ops, model(fair=fair), NOBODY_IN)
    event(f"valid: {valid}")


@pytest.mark.parametrize(
    ("texts", "kind", "witness"),
    [
        (("p0 A 1 2", "p1 A 3 4", "p0 R 5 6"), "double-grant", (0, 1, 2)),
        (("p0 A 1 2", "p1 A 3 4 shared", "p0 R 5 6"), "double-grant", (0, 1, 2)),
        (("p0 A 1 2 shared", "p1 A 3 4", "p1 R 5 6"), "double-grant", (0, 1, 2)),
        (("p0 A 1 2 shared", "p0 A 3 4"), "double-grant", (0, 1)),
        (("p0 A 1 2", "p0 A 3 4"), "double-grant", (1, 0)),
        (("p0 A 1 2 shared", "p0 R 3 4"), "release-not-held", (1,)),
        (("p0 A 1 2 shared", "p0 N 3 4 shared"), "lost-lock", (1,)),
        (("p0 A 1 2 shared", "p1 F 3 4 shared"), "refused-while-free", (1,)),
        (("p0 A 1 2", "p0 R 3 4", "p1 F 5 6", "p2 A 7 8 shared"), "refused-while-free", (2, 1, 3)),
        (("p0 A 1 2 shared", "p1 A 1 3 shared", "p2 C 4", "p2 R 5 6", "p0 R 8 9 shared"), "foreign-release", (3, 1)),
        (("p0 D 1 shared", "p0 A 4 5 shared", "p1 A 2 3"), "double-grant", (2, 1)),
    ],
)
def test_kinds(texts: tuple[str, ...], kind: str, witness: tuple[int, ...]) -> None:
    found = answer(*texts)
    assert found is not None
    assert (found.valid, found.kind) == (False, kind)
    assert found.witness[: len(witness)] == witness
    assert "{" not in found.why.format(*range(9))


def test_readers_share_and_touching_cores_do_not_meet() -> None:
    assert answer("p0 A 1 2 shared", "p1 A 3 4 shared", "p0 R 5 6 shared", "p1 R 7 8 shared", "p2 A 6 7") is None
    assert answer("p0 A 1 2 shared", "p0 A 3 4 shared", "p0 R 5 6 shared", "p1 A 5 9") is not None


def test_a_flash_may_use_the_instant_between_two_readers() -> None:
    """At 5 the first reader is gone and the second need not be there yet."""
    texts = ("p0 A 1 2 shared", "p0 R 5 6 shared", "p1 A 3 5 shared", "p2 C 1", "p2 R 3 5")
    assert answer(*texts) is None
    found = answer("p0 A 1 2 shared", "p0 R 6 7 shared", "p1 A 3 5 shared", "p2 C 1", "p2 R 3 5")
    assert found is not None
    assert found.kind == "foreign-release"


def test_the_fewest_readers_that_block_a_writer_are_shown() -> None:
    texts = ["p0 A 1 2 shared", "p1 A 1 3 shared", "p0 R 10 11 shared", "p2 A 7 8 shared", "p3 C 1", "p3 R 5 12"]
    found = answer(*texts)
    assert found is not None
    shown = {(op.client, op.letter) for op in drawn.rows_of(written(texts)[0], found.witness)}
    assert len(shown) == 2


def test_refusals_need_the_right_holders() -> None:
    reader = ("p0 A 1 2 shared", "p0 R 7 8 shared")
    assert answer(*reader, "p1 F 3 4") is None
    assert answer(*reader, "p1 F 3 4 shared") is not None
    assert answer(*reader, "p1 F 3 4 shared", fair=True) is None


def test_a_client_is_refused_by_its_own_hold() -> None:
    assert answer("p0 A 1 2 shared", "p0 F 3 4") is None
    assert answer("p0 A 1 2", "p0 F 3 4", "p0 F 5 6 shared") is None


def test_extents_are_clipped_by_all_holds_of_other_phases() -> None:
    """p1 reads after p0's call returned: by then p0 cannot have written yet, or no longer."""
    found = answer("p0 A 1 20", "p1 A 2 3 shared", "p2 F 5 6 shared", "p1 R 8 9 shared")
    assert found is not None
    assert found.kind == "refused-while-free"


def test_a_reader_cannot_have_read_before_the_writer_that_was_before_it() -> None:
    texts = ("p1 A 1 7 shared", "p2 A 4 5", "p2 R 6 8")
    assert answer(*texts) is None
    found = answer(*texts, "p3 F 2 3")
    assert found is not None
    assert (found.kind, found.witness[0]) == ("refused-while-free", 1)


def test_a_readers_ghost_and_a_writers_exclude_each_other() -> None:
    """p2's refusal needs that p1 writes, p3's that p0 reads on between the writers."""
    between, after = "p3 F 5 6", "p2 F 20 21 shared"
    texts = ("p0 C 1 shared", "p1 C 1", "p4 A 9 10 shared", "p4 R 11 12 shared")
    assert answer(*texts, between) is None
    assert answer(*texts, after) is None
    found = answer(*texts, between, after)
    assert found is not None
    assert (found.kind, len(found.witness)) == ("refused-while-free", 2)


def test_a_ghost_cannot_hold_where_a_hold_was_never_released() -> None:
    texts = ("p0 C 1", "p1 A 2 3 shared", "p2 F 5 6 shared")
    assert answer(*texts) is not None
    assert answer(*texts, "p1 R 3 4 shared") is None


def test_an_undecided_answer_names_who_went_on() -> None:
    found = answer("p0 C 1 shared", "p0 R 4 5 shared", "p1 F 2 3")
    assert found is not None
    assert (found.valid, found.kind, found.witness) == (None, "undecided", (0, 2))
    assert answer("p0 C 1 shared", "p0 R 4 5 shared") is None


def test_a_wrong_lock_does_not_disturb_others() -> None:
    """Overlapping writers have no order; the refusals of other locks are judged all the same."""
    wrong = [f"p{client} A {1 + client} {2 + client} lock=0" for client in range(5)]
    fine = ["p0 A 1 2 lock=1", "p0 R 7 8 lock=1", "p1 F 4 5 shared lock=1"]
    refused = ["p0 A 1 2 lock=2", "p0 R 3 4 lock=2", "p1 F 6 7 lock=2"]
    answers = read_write(written([*wrong, *fine, *refused])[0])
    assert {lock: found.kind for lock, found in answers.items()} == {0: "double-grant", 2: "refused-while-free"}


def test_nothing() -> None:
    assert read_write(written(["p0 A 1 2"])[0].take(slice(0))) == {}
