"""The owner mutex agrees with the referee on random histories, on drawn ones, and on all tiny ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from checker.linear.operations import NEVER, Operations
from checker.linear.owner_mutex import owner_mutex
from tests.unit.checker.lock_histories import (
    HISTORIES,
    LOST,
    RETIRED,
    WENT_ON,
    Call,
    History,
    Searched,
    coarse_history,
    compare,
    owner_histories,
    owner_history,
    tiny,
    together,
    touching,
)

drawn = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

judge = partial(owner_mutex, decide=Searched())


def histories(tails: Sequence[str], pieces: Sequence[str] = ("AR", "AR", "F", "N", "AFR", "ANR")) -> list[History]:
    return [owner_history(Random(seed), tails, pieces) for seed in range(HISTORIES)]


def test_clients_that_retire_need_no_search() -> None:
    kinds = compare(histories(RETIRED), owner_mutex)
    assert set(kinds) == {"valid", "double-grant", "lost-lock", "refused-while-free"}
    assert min(kinds.values()) > HISTORIES // 20, kinds


def test_clients_that_release_what_they_lost() -> None:
    search = Searched()
    kinds = compare(histories((*RETIRED, *LOST)), partial(owner_mutex, decide=search))
    assert kinds["foreign-release"] > HISTORIES // 500, kinds
    assert 0 < len(search.sizes) < HISTORIES // 100


def test_few_of_them_are_undecided_without_a_search() -> None:
    kinds = compare(histories((*RETIRED, *LOST)), owner_mutex)
    assert 0 < kinds["undecided"] < HISTORIES // 100, kinds


def test_lost_acquires_that_compete_for_gaps() -> None:
    search = Searched()
    kinds = compare(histories((*LOST, "C", "CN"), ("AR", "F", "F")), partial(owner_mutex, decide=search))
    assert search.rejected > HISTORIES // 200
    assert min(kinds["valid"], kinds["refused-while-free"]) > HISTORIES // 10, kinds


def test_without_exact_refusals_lost_acquires_need_no_search() -> None:
    kinds = compare(histories((*RETIRED, *LOST), ("AR", "AR", "ANR")), owner_mutex)
    assert "undecided" not in kinds
    assert kinds["foreign-release"] > HISTORIES // 500, kinds


def test_clients_that_go_on_after_a_result_of_unknown_effect() -> None:
    kinds = compare(histories((*RETIRED, *LOST, *WENT_ON)), judge)
    assert kinds["release-not-held"] > 0, kinds
    assert min(kinds["valid"], kinds["searched"]) > HISTORIES // 20, kinds


def test_a_clock_so_coarse_that_holds_take_no_time() -> None:
    kinds = compare([coarse_history(Random(seed)) for seed in range(HISTORIES)], judge)
    assert min(kinds["valid"], kinds["double-grant"], kinds["refused-while-free"]) > HISTORIES // 20, kinds


@pytest.mark.parametrize(("count", "number"), [(1, 6), (2, 96), (3, 2_304), (4, 78_720)])
def test_all_tiny_histories(count: int, number: int) -> None:
    """All histories of up to 4 operations of any clients and letters."""
    every = list(tiny(count, 4, "ARFNCD"))
    assert len(every) == number
    compare(every, judge)


@pytest.mark.parametrize(("count", "clients", "letters"), [(3, 4, "ARFNCD"), (4, 4, "ARFC"), (5, 2, "ARF")])
def test_all_tiny_histories_in_as_few_moments_as_can_be(count: int, clients: int, letters: str) -> None:
    """Calls and returns at one moment are concurrent, whatever comes of that in the sorting."""
    compare([touching(history) for history in tiny(count, clients, letters)], judge)


@given(owner_histories((*RETIRED, *LOST, *WENT_ON)))
@example([Call(0, "A", 1, 7), Call(1, "F", 2, 3), Call(1, "A", 4, 5), Call(1, "R", 6, 8)])
@drawn
def test_a_disagreement_would_shrink(history: History) -> None:
    kinds = compare([history], judge)
    event(f"kind: {next(iter(kinds))}")


@given(st.lists(owner_histories((*RETIRED, *LOST)), min_size=1, max_size=6))
@drawn
def test_many_locks_are_judged_like_each_alone(several: list[History]) -> None:
    """The whole answer, not only the verdict: kind, words and witness."""
    operations = together(several)
    own = [operations.take(operations.lock == lock) for lock in range(len(several))]
    alone = {lock: answer for one in own for lock, answer in _answers(one).items()}
    assert _answers(operations) == alone


@given(st.lists(owner_histories((*RETIRED, *LOST)), min_size=1, max_size=6))
@drawn
def test_locks_may_come_one_after_the_other(several: list[History]) -> None:
    """In order of time over all locks, or lock by lock: the answers are the same."""
    operations = together(several)
    assert _answers(operations.take(operations.lock.argsort(kind="stable"))) == _answers(operations)


@given(st.lists(owner_histories((*RETIRED, *LOST)), min_size=2, max_size=4))
@drawn
def test_times_too_far_apart_for_one_line_are_numbered(several: list[History]) -> None:
    operations = together(several)
    far = np.append(np.arange(operations.inv.max(initial=0) + 60) * (NEVER // 90), NEVER)
    stretched = replace(operations, inv=far[operations.inv], ret=far[np.minimum(operations.ret, len(far) - 1)])
    assert _answers(stretched) == _answers(operations)


def _answers(operations: Operations) -> dict[int, tuple[str, str, list[int]]]:
    """By lock: kind, words, and the witness by numbers that stay the same whatever the rows."""
    number = operations.number + 1000 * operations.lock
    return {
        lock: (answer.kind, answer.why, number[list(answer.witness)].tolist())
        for lock, answer in judge(operations).items()
    }
