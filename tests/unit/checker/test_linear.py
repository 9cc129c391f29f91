"""The lock-specific algorithms, by example: the two traps of CHECKERS §3, holds that touch, lost acquires, answers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from checker.linear.operations import LETTERS, Answer, Operations, written
from checker.linear.owner_mutex import owner_mutex
from tests.unit.checker.lock_histories import Searched
from tests.unit.checker.referee import linearizable, ops_of

decide = Searched()


def judged(*texts: str) -> Answer | None:
    """The answer for one lock, which must be the referee's as well."""
    operations, _ = written(texts)
    answer = owner_mutex(operations, decide).get(0)
    assert (answer is None) is linearizable(ops_of(operations))
    return answer


def letters(operations: Operations, answer: Answer) -> str:
    return "".join(LETTERS[operations.letter[row]] for row in answer.witness)


def test_trap_possibly_held_over_extents_would_accept_this() -> None:
    """p1's acquire may have happened only after p2's release, so nobody can have refused p2 at [2, 3]."""
    answer = judged("p1 A 1 7", "p2 F 2 3", "p2 A 4 5", "p2 R 6 8")
    assert answer is not None
    assert answer.kind == "refused-while-free"


def test_trap_replaying_in_order_of_completion_would_reject_this() -> None:
    """The release returns after the next grant does: completion order shows two holders, an order of effects none."""
    assert judged("p1 A 1 2", "p1 R 3 9", "p2 A 4 5", "p2 R 6 7") is None


def test_touching_cores_do_not_meet() -> None:
    """At equal times calls come before returns."""
    assert judged("p1 A 1 2", "p1 R 5 6", "p2 A 3 5", "p2 R 8 9") is None
    assert judged("p1 A 1 2", "p1 R 5 6", "p2 A 3 4", "p2 R 8 9") is not None


def test_a_refusal_that_touches_a_hold_is_right() -> None:
    assert judged("p1 A 1 2", "p1 R 5 6", "p2 F 6 8") is None
    assert judged("p1 A 1 2", "p1 R 5 6", "p2 F 7 8") is not None
    assert judged("p2 F 1 3", "p1 A 3 4") is None
    assert judged("p2 F 1 2", "p1 A 3 4") is not None


def test_a_long_core_is_compared_with_all_that_follow() -> None:
    """Neighbours alone would miss the third."""
    texts = ("p1 A 1 2", "p1 R 20 21", "p2 A 22 23", "p3 A 9 10", "p3 R 11 12")
    operations, names = written(texts)
    answer = owner_mutex(operations)[0]
    assert {names[operations.client[row]] for row in answer.witness} == {"p1", "p3"}


@pytest.mark.parametrize(
    ("texts", "kind", "witness", "said"),
    [
        (("p1 A 1 2", "p1 A 3 4"), "double-grant", "AA", "p1 was granted it twice"),
        (("p1 R 1 2",), "release-not-held", "R", "p1 released what it did not hold"),
        (("p1 A 1 2", "p1 N 3 4"), "lost-lock", "AN", "p1 was told that what it held is not held"),
        (("p1 F 1 2",), "refused-while-free", "F", "p1 was refused although nobody can have held it then"),
        (
            ("p1 A 1 2", "p1 R 3 4", "p2 F 5 6", "p3 A 7 8", "p3 R 9 10"),
            "refused-while-free",
            "FRA",
            "p2 was refused although nobody can have held it then",
        ),
        (
            ("p1 A 1 2", "p1 D 3", "p1 N 4 5", "p2 F 6 7"),
            "refused-while-free",
            "FN",
            "p2 was refused although nobody can have held it then",
        ),
        (
            ("p1 A 1 2", "p2 C 3", "p2 R 4 5", "p1 R 6 7"),
            "foreign-release",
            "ACRR",
            "p2 released it while p1 certainly held it",
        ),
        (
            ("p1 A 1 2", "p2 A 3 4", "p2 R 5 6", "p1 R 7 8"),
            "double-grant",
            "AARR",
            "p1 certainly held it when p2 was granted it",
        ),
        (
            ("p1 A 1 2", "p2 A 3 4"),
            "double-grant",
            "AA",
            "p1 certainly held it when p2 was granted it",
        ),
    ],
)
def test_an_answer_says_what_is_wrong(texts: Sequence[str], kind: str, witness: str, said: str) -> None:
    operations, names = written(texts)
    answer = owner_mutex(operations)[0]
    assert (answer.valid, answer.kind, letters(operations, answer)) == (False, kind, witness)
    assert answer.why.format(*(names[operations.client[row]] for row in answer.witness)) == said


def test_the_worst_kind_is_named_and_of_that_the_first() -> None:
    """A wrong refusal came first, but where there are two holders nothing can be said about refusals."""
    texts = ("p1 F 1 2", "p1 A 3 4", "p2 A 5 6", "p2 R 7 8", "p1 R 9 10", "p1 A 11 12", "p2 A 13 14")
    operations, _ = written(texts)
    answer = owner_mutex(operations)[0]
    assert answer.kind == "double-grant"
    assert operations.inv[list(answer.witness)].tolist() == [3, 5, 9, 7]


def test_a_lost_acquire_explains_refusals_after_the_last_hold_only() -> None:
    assert judged("p1 C 1", "p2 F 3 4") is None
    assert judged("p2 F 3 4", "p1 C 5") is not None
    assert judged("p1 C 1", "p2 F 3 4", "p3 A 5 6", "p3 R 7 8") is not None


def test_a_lost_acquire_that_was_released_explains_refusals_until_then() -> None:
    assert judged("p1 C 1", "p2 F 3 4", "p1 R 5 6", "p3 A 7 8") is None
    assert judged("p2 F 1 2", "p1 C 3", "p1 R 5 6", "p3 A 7 8") is not None
    assert judged("p1 C 1", "p1 R 5 6", "p2 F 7 8") is not None


def test_a_lost_acquire_that_was_perhaps_released_explains_one_gap() -> None:
    gap = ("p2 F 3 4", "p2 F 5 6", "p3 A 7 8", "p3 R 9 10")
    assert judged("p1 C 1", "p1 D 2", *gap) is None
    assert judged("p1 C 1", "p1 D 9", *gap) is not None
    again = ("p2 F 11 12", "p3 A 13 14")
    answer = judged("p1 C 1", "p1 D 2", *gap, *again)
    assert answer is not None
    assert "fewer" in answer.why
    assert judged("p1 C 1", "p1 D 2", "p4 C 1", "p4 D 2", *gap, *again) is None


KNOWN = "CR CD CDR CDD CN CNN AC AD ADD ADR ADN ADDN ADDR ADDNN CDDRN D DN CRAR ADNAR ADNCR"


@pytest.mark.parametrize("letters", KNOWN.split())
def test_what_a_client_does_last_is_known_without_a_search(letters: str) -> None:
    times = range(1, 50, 3)
    texts = [f"p1 {letter} {time} {time + 1}" for letter, time in zip(letters, times, strict=False)]
    assert judged(*texts) is None
    for time in (0, 3, 6, 9, 12, 15, 18):
        operations, _ = written([*texts, f"p2 F {time} {time}"])
        answer = owner_mutex(operations).get(0)
        assert answer is None or answer.valid is not None
        assert (answer is None) is linearizable(ops_of(operations))


def test_a_release_that_is_still_under_way_may_end_a_later_hold() -> None:
    """One of the two had taken effect when the third was refused; the other one may free p1's second hold."""
    texts = ("p1 A 1 2", "p1 D 3", "p1 D 4", "p1 N 5 6", "p1 A 7 8", "p2 A 9 10")
    assert judged(*texts) is None
    assert judged(*texts[:2], *texts[3:]) is not None


def test_a_repeated_release_that_was_refused_says_when_it_was_free() -> None:
    """Before the lost acquires were called, whichever of them came first."""
    lost = ("p2 C 10", "p2 R 12 13", "p3 C 10", "p3 R 12 14", "p4 F 7 8")
    assert judged("p1 A 1 2", "p1 D 3", *lost) is None
    assert judged("p1 A 1 2", "p1 D 3", "p1 N 5 6", *lost) is not None


def test_undecided_names_the_clients_that_compete() -> None:
    texts = ("p1 C 1", "p2 C 1", "p3 F 3 4", "p3 F 5 6", "p1 R 7 8", "p2 R 9 10", "p4 A 11 12")
    operations, names = written(texts)
    answer = owner_mutex(operations)[0]
    assert answer.valid is None
    assert "p1 went on" in answer.why.format(*(names[operations.client[row]] for row in answer.witness))
    assert owner_mutex(operations, decide) == {}


def test_holds_that_take_no_time_may_be_in_either_order() -> None:
    """By a coarse clock both holds begin and end at 5."""
    both = ("p1 A 1 5", "p1 R 5 9", "p2 A 4 5", "p2 R 5 6")
    assert judged(*both, "p3 F 2 3") is None
    assert judged(*both, "p3 F 7 8") is None
    assert judged(*both, "p3 F 2 3", "p3 F 7 8") is not None
    operations, _ = written((*both, "p3 F 7 8"))
    assert owner_mutex(operations)[0].valid is None


def test_no_operations_are_right() -> None:
    assert owner_mutex(written(())[0]) == {}
