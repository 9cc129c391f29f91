"""Hard histories are decided within a bounded effort, and hopeless ones end within their budget."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from checker.search.budget import Budget
from checker.search.recorded import Judged, judge_calls
from checker.search.search import search
from checker.search.stores import Register
from checker.search.timeline import Op
from checker.search.values import Do
from histories.columns import Call
from histories.spec import Spec
from tests.unit.checker.search.hard import Shape, doomed, recorded, stale, unordered

REGISTER = Spec(model="register")
SHAPES = {
    "etcd": Shape(),
    "25 ghosts": Shape(ghosts=25),
    "10 processes": Shape(processes=10, ghosts=25),
    "40 ghosts": Shape(calls=200, processes=10, ghosts=40),
    "40 ghosts that took effect": Shape(calls=200, processes=10, ghosts=40, reads=0.2, took=1),
    "many values": Shape(calls=200, processes=10, ghosts=40, values=20),
}
MOST = 300_000
"""Configurations; two seconds or three."""

every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())


def judged(calls: list[Call], budget: Budget | None = None) -> Judged:
    [one] = judge_calls(calls, REGISTER, budget or Budget(configurations=MOST))
    return one


@every_shape
@pytest.mark.parametrize("seed", range(2))
def test_valid_ones_are_decided(shape: Shape, seed: int) -> None:
    one = judged(recorded(seed, shape))
    assert one.valid is True, one.why
    certain = {call.number for call in one.calls if call.outcome == "ok"}
    assert certain <= {call.number for call in one.order}


@every_shape
def test_doomed_ones_are_decided(shape: Shape) -> None:
    """The violation comes last, so every configuration is looked at."""
    one = judged(doomed(recorded(1, shape)))
    assert one.valid is False, one.why
    assert one.witness is not None
    assert len(one.witness.operations) == 1
    assert one.why.startswith("call ")
    assert 'of last read "nobody wrote this", but only these values were possible then: ' in one.why


def test_stale_reads_are_found() -> None:
    found = [judged(stale(recorded(seed, Shape(ghosts=6)), seed)) for seed in range(10)]
    invalid = [one for one in found if one.valid is False]
    assert len(invalid) >= 8
    assert all(one.witness is not None and len(one.witness.operations) < len(one.calls) // 3 for one in invalid)


def test_600_calls_with_40_ghosts_are_decided() -> None:
    one = judged(recorded(0, Shape(calls=600, processes=10, ghosts=40)), Budget(configurations=1_000_000))
    assert one.valid is True, one.why


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        (Budget(configurations=20_000), "20000 configurations"),
        (Budget(bytes=4 << 20), "4 MB"),
        (Budget(seconds=0.2), "0.2 s"),
    ],
)
def test_a_hopeless_one_ends_within_its_budget(budget: Budget, spent: str) -> None:
    started = time.monotonic()
    one = judged(unordered(24), budget)
    assert (one.valid, one.outcome.spent) == (None, spent)
    assert one.outcome.effort.configurations <= budget.configurations + 2_000
    assert time.monotonic() - started < 10, "it should take some tenths of a second"
    assert spent in one.why
    pending = [one.calls[i] for i in one.outcome.pending]
    assert {call.op for call in pending} == {"read", "write"}
    assert one.outcome.stuck in one.outcome.pending
    assert one.witness is None


def test_with_fewer_writers_it_is_decided() -> None:
    """So the one above is out of budget, not out of reach."""
    assert judged(unordered(6)).valid is False


def test_the_budget_holds_for_every_object() -> None:
    """An object that used it up leaves the others theirs."""
    others = [replace(call, lock="y") for call in recorded(0, Shape())]
    found = judge_calls([*unordered(24), *others], REGISTER, Budget(configurations=20_000))
    assert {one.name: one.valid for one in found} == {"x": None, "y": True}


def test_a_long_history_without_ghosts_takes_a_few_configurations_per_call() -> None:
    ops = [
        Op(Do("write" if k % 2 else "read", str(k // 2 % 7) if k else "null"), 10 * k, 10 * k + 15) for k in range(3000)
    ]
    ops = [op if op.action.verb == "write" or not i else op._replace(action=Do("read", ops[i - 1].action.value))
           for i, op in enumerate(ops)]  # fmt: skip
    outcome = search(Register(), ops)
    assert outcome.valid is True
    assert outcome.effort.configurations < 4 * len(ops)
