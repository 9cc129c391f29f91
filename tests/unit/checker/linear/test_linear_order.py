"""Sorting by small whole numbers, and histories larger than one digit of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from benchmarks.lock_histories import SPEC, generate
from checker.linear.operations import A, Operations, R, operations
from checker.linear.owner_mutex import owner_mutex
from checker.order import as_they_end, firsts, grouped, stable_order

drawn = settings(max_examples=200, deadline=None, derandomize=True)

keys = of_numpy.arrays(
    np.int64,
    st.integers(0, 40),
    elements=st.one_of(st.integers(0, 3), st.sampled_from([65_535, 65_536, 65_537, 1 << 40])),
)
small_keys = of_numpy.arrays(np.int32, st.integers(0, 40), elements=st.sampled_from([0, 1, 2, 65_536, 65_537, 131_073]))


@given(keys)
@drawn
def test_stable_order_is_numpys(key: np.ndarray) -> None:
    assert stable_order(key).tolist() == np.argsort(key, kind="stable").tolist()


@given(keys)
@drawn
def test_grouped_keeps_equal_keys_together_and_in_order(key: np.ndarray) -> None:
    order, sorted_key = grouped(key)
    assert sorted(order.tolist()) == list(range(len(key)))
    assert sorted_key.tolist() == key[order].tolist()
    begin = firsts(sorted_key)
    assert len(begin) == len(set(key.tolist()))
    for run in np.split(order, begin[1:]):
        assert run.tolist() == sorted(run.tolist())


@given(small_keys)
@drawn
def test_few_keys_numbered_as_they_end_are_told_apart(key: np.ndarray) -> None:
    number = as_they_end(key)
    assert ((key[:, None] == key) == (number[:, None] == number)).all()


def test_firsts_of_several_columns() -> None:
    assert firsts(np.array([1, 1, 2, 2]), np.array([5, 6, 6, 6])).tolist() == [0, 1, 2]
    assert firsts(np.array([])).tolist() == []


def one_hold_each(clients: int) -> Operations:
    """Every client takes the lock once, in an order that has nothing to do with its number, and holds for 1 ns."""
    number = np.random.default_rng(0).permutation(clients).astype(np.int32)
    rows = np.arange(2 * clients)
    return Operations(
        letter=np.where(rows % 2 == 0, A, R).astype(np.uint8), client=np.repeat(number, 2),
        lock=np.zeros(2 * clients, np.int32), inv=2 * rows, ret=2 * rows + 1, number=rows,
        weight=np.ones(2 * clients, np.int32), shared=np.zeros(2 * clients, bool),
    )  # fmt: skip


def test_more_clients_than_one_digit_holds() -> None:
    history = one_hold_each(70_000)
    assert owner_mutex(history) == {}
    # All at once: however they are numbered, two that are alike in the lowest digit are there at one time.
    early = replace(history, inv=np.where(history.letter == A, 0, history.inv))
    order = np.argsort(early.inv, kind="stable")
    assert owner_mutex(early.take(order)) == {}
    given_back_by_the_next = replace(history, client=np.roll(history.client, 1))
    assert owner_mutex(given_back_by_the_next)[0].valid is False


@pytest.mark.parametrize("locks", [1, 20])
@pytest.mark.parametrize("crashes", [0.0, 0.05])
@pytest.mark.parametrize("grants", ["fifo", "random"])
def test_generated_histories(grants: str, crashes: float, locks: int) -> None:
    """Valid by construction; with a rogue client, its hold is the witness."""
    calls = generate(20_000, 20, grants, refusals=0.3, crashes=crashes, locks=locks)  # type: ignore[arg-type]
    assert owner_mutex(operations(calls, SPEC)) == {}
    calls = generate(20_000, 20, grants, refusals=0.3, crashes=crashes, locks=locks, invalid="late")  # type: ignore[arg-type]
    found = operations(calls, SPEC)
    (answer,) = owner_mutex(found).values()
    assert answer.kind == "double-grant"
    assert "rogue" in {calls.clients[client] for client in found.client[list(answer.witness)].tolist()}
