"""The anonymous mutex agrees with the referee on random histories, on drawn ones, and on all tiny ones."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from checker.linear.anonymous import anonymous_mutex
from checker.linear.line import on_one_line
from checker.linear.merge import merge
from checker.linear.operations import Answer, written
from tests.unit.checker.lock_histories import (
    HISTORIES,
    LOST,
    RETIRED,
    WENT_ON,
    Call,
    History,
    anonymous_histories,
    anonymous_history,
    as_ops,
    compare,
    owner_histories,
    owner_history,
    timed,
    tiny,
    together,
    touching,
)
from tests.unit.checker.referee import anonymous, linearizable

drawn = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

RANDOM = [anonymous_history(Random(seed)) for seed in range(HISTORIES)]


def judged(*texts: str) -> Answer | None:
    return anonymous_mutex(written(texts)[0]).get(0)


def test_random_histories() -> None:
    kinds = compare(RANDOM, anonymous_mutex, anonymous)
    assert set(kinds) == {"valid", "double-grant", "release-not-held", "lost-lock", "refused-while-free"}
    assert min(kinds.values()) > HISTORIES // 50, kinds


def test_histories_of_clients_that_release_what_they_hold() -> None:
    """Most of them are judged without a merge."""
    histories = [owner_history(Random(seed), (*RETIRED, *LOST)) for seed in range(HISTORIES)]
    kinds = compare(histories, anonymous_mutex, anonymous)
    assert kinds["valid"] > HISTORIES // 3, kinds


def test_one_refused_release_among_holds() -> None:
    """Where it is right depends on the moments between the holds, and on the refused tries there."""
    pieces = ("AR", "ARN", "ANR", "F", "N")
    kinds = compare(
        [owner_history(Random(s), ("", "C", "D"), pieces) for s in range(HISTORIES)], anonymous_mutex, anonymous
    )
    assert min(kinds["valid"], kinds["lost-lock"], kinds["refused-while-free"]) > HISTORIES // 50, kinds


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_all_tiny_histories(count: int) -> None:
    compare(list(tiny(count, 4 if count < 4 else 3, "ARFNCD")), anonymous_mutex, anonymous)


def test_all_tiny_histories_in_as_few_moments_as_can_be() -> None:
    compare([touching(history) for history in tiny(4, 3, "ARFN")], anonymous_mutex, anonymous)


@given(st.one_of(anonymous_histories(), owner_histories((*RETIRED, *LOST, *WENT_ON))))
@drawn
def test_a_disagreement_would_shrink(history: History) -> None:
    kinds = compare([history], anonymous_mutex, anonymous)
    event(f"kind: {next(iter(kinds))}")


@given(st.one_of(anonymous_histories(), owner_histories((*RETIRED, *LOST, *WENT_ON))))
@drawn
def test_the_merge_agrees_with_the_reading_as_an_owner_mutex(history: History) -> None:
    """What the first test lets pass, the merge lets pass."""
    line = on_one_line(together([history]))
    if len(line) == 0:
        return
    answer = merge(line.letter, line.inv, line.ret, int(line.never[0]))
    assert (answer is None) is (anonymous_mutex(together([history])) == {})


@given(st.lists(anonymous_histories(), min_size=1, max_size=6))
@drawn
def test_many_locks_are_judged_like_each_alone(several: list[History]) -> None:
    operations = together(several)
    answers = anonymous_mutex(operations)
    for lock, history in enumerate(several):
        alone = together([history])
        own = anonymous_mutex(alone).get(0)
        mine = answers.get(lock)
        assert (own is None) is (mine is None)
        if own is not None and mine is not None:
            assert (own.kind, own.why) == (mine.kind, mine.why)
            numbers = operations.number[list(mine.witness)].tolist()
            assert numbers == alone.number[list(own.witness)].tolist()


@pytest.mark.parametrize("histories", [RANDOM, list(tiny(4, 3, "ARFC"))], ids=["random", "tiny"])
def test_a_witness_alone_is_wrong(histories: list[History]) -> None:
    """The operation that cannot be placed, the last one that changed the state, and what called for that."""
    operations = together(histories)
    shown = 0
    for lock, answer in anonymous_mutex(operations).items():
        numbers = operations.number[list(answer.witness)].tolist()
        history = histories[lock]
        assert history[numbers[0]].letter == {"double-grant": "A", "refused-while-free": "F", "release-not-held": "R",
                                              "lost-lock": "N"}[answer.kind]  # fmt: skip
        if answer.kind in {"double-grant", "refused-while-free"}:
            alone = as_ops(history[number] for number in sorted(numbers))
            assert not linearizable(alone, anonymous), (history, answer)
            shown += 1
    assert shown > len(histories) // 10


def test_anybody_may_release() -> None:
    assert judged("p1 A 1 2", "p2 R 3 4", "p3 A 5 6", "p1 R 7 8") is None


def test_two_grants_without_a_release_between() -> None:
    answer = judged("p1 A 1 2", "p2 A 3 4", "p3 R 5 6")
    assert answer == Answer(False, "double-grant", "{0} was granted it, but it was held all through that call", (1, 0))


def test_a_release_of_unknown_effect_frees_when_it_is_needed() -> None:
    assert judged("p1 A 1 2", "p2 D 3", "p3 F 4 5", "p3 A 6 7") is None
    assert judged("p1 A 1 2", "p3 A 6 7", "p2 D 8") is not None


def test_the_sooner_deadline_goes_first() -> None:
    """Were the release that returns later taken for the second grant, the other one would have nothing to release."""
    assert judged("p1 A 1 2", "p1 R 3 9", "p2 R 3 5", "p3 A 3 4", "p4 A 6 10") is None


def test_no_operations_are_right() -> None:
    assert anonymous_mutex(together([])) == {}
    assert anonymous_mutex(together([[], timed(0, "AR", (1, 2, 3, 4)), [Call(0, "N", 1, 2)]])) == {}
