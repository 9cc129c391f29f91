"""The generated histories are what they say: valid or not, in order of arrival or not, with so many crashes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from benchmarks.lock_histories import SPEC, generate
from benchmarks.lock_truth import BURST
from checker.linear.operations import A, R, operations
from checker.linear.owner_mutex import owner_mutex
from histories.columns import ENDING, NEVER, OP, Calls
from histories.labels import LabelBuilder
from histories.vocabulary import REFUSALS
from tests.unit.checker.referee import linearizable, ops_of

SMALL = list(product(("fifo", "random"), (2, 3, 5), (0.0, 0.3), (0.0, 0.3), (None, "early", "late")))


def judged(calls: Calls) -> bool:
    """What the referee says of all locks together."""
    ops = operations(calls, SPEC)
    return all(linearizable(ops_of(ops, lock)) for lock in range(len(calls.locks)))


@pytest.mark.parametrize(("grants", "clients", "refusals", "crashes", "invalid"), SMALL)
def test_the_referee_agrees(grants: Any, clients: int, refusals: float, crashes: float, invalid: Any) -> None:
    for seed, n in enumerate((10, 11)):
        calls = generate(n, clients, grants, refusals=refusals, crashes=crashes, invalid=invalid, seed=seed)
        assert len(calls) == n
        assert judged(calls) is (invalid is None), seed


@pytest.mark.parametrize("invalid", [None, "early", "late"])
def test_the_referee_agrees_on_several_locks(invalid: Any) -> None:
    calls = generate(24, 2, locks=3, crashes=0.1, invalid=invalid)
    assert [calls.locks[number] for number in range(3)] == ["lock-1", "lock-2", "lock-3"]
    assert sorted(set(calls.lock.tolist())) == [0, 1, 2]
    assert judged(calls) is (invalid is None)


LARGE = [
    {},
    {"grants": "fifo"},
    {"refusals": 0.0},
    {"crashes": 0.0},
    {"crashes": 0.05},
    {"locks": 200},
    {"locks": 200, "crashes": 0.05, "grants": "fifo"},
    {"clients": 5, "refusals": 0.6},
    {"clients": 2, "crashes": 0.05},
]


@pytest.mark.parametrize("setting", LARGE)
@pytest.mark.parametrize("invalid", [None, "early", "late"])
def test_the_algorithm_agrees_on_large_ones(setting: dict[str, Any], invalid: Any) -> None:
    calls = generate(20_000, **({"clients": 20} | setting), invalid=invalid)
    answers = owner_mutex(operations(calls, SPEC))
    if invalid is None:
        assert answers == {}
        return
    (answer,) = answers.values()
    assert answer.valid is False
    assert answer.kind == "double-grant"
    assert "rogue" in {calls.call(row).client for row in answer.witness}


def test_the_algorithm_sees_a_refusal_in_a_lull() -> None:
    """There the lock is certainly free, so the search for wrong refusals has something to find."""
    calls = generate(6 * BURST, 10, crashes=0)
    released = calls.ret[calls.is_op("release")]
    asked = np.sort(calls.inv[calls.is_op("acquire")])
    longest = int(np.argmax(np.diff(asked)))
    free = int(released[released < asked[longest + 1]].max()), int(asked[longest + 1])
    moved = int(np.flatnonzero((calls.inv < free[0]) & calls.is_op("try"))[-1])
    inv, ret = calls.inv.copy(), calls.ret.copy()
    inv[moved], ret[moved] = free[0] + 1, free[1] - 1
    calls = replace(calls, inv=inv, ret=ret).take(np.argsort(inv, kind="stable"))
    assert [answer.kind for answer in owner_mutex(operations(calls, SPEC)).values()] == ["refused-while-free"]


def test_a_single_client_has_no_refusals() -> None:
    assert judged(generate(9, 1, refusals=0))
    with pytest.raises(ValueError, match="refusals 30%"):
        generate(9, 1)


@pytest.mark.parametrize(("n", "locks"), [(10_000, 1), (10_000, 7), (10_001, 1)])
def test_shares_are_kept(n: int, locks: int) -> None:
    calls = generate(n, 10, crashes=0.05, locks=locks)
    assert len(calls) == n
    refused = calls.ended("fail")
    assert refused.sum() == 3_000
    assert (refused == (calls.refusal == REFUSALS.index("busy"))).all()
    assert (refused == calls.is_op("try")).all()
    crashed = calls.outcome >= ENDING["info"]
    assert crashed.sum() == 500
    assert (crashed & calls.acquires).sum() == 250
    assert ((calls.ret == NEVER) == calls.ended("open")).all()
    assert (calls.ret >= calls.inv).all()
    assert (np.diff(calls.inv) >= 0).all()


@pytest.mark.parametrize("grants", ["fifo", "random"])
def test_each_client_calls_one_at_a_time_and_not_after_a_crash(grants: Any) -> None:
    calls = generate(10_000, 5, grants, crashes=0.05, locks=3)
    order = np.lexsort((calls.number, calls.client))
    same = np.diff(calls.client[order]) == 0
    earlier, later = order[:-1][same], order[1:][same]
    assert (calls.inv[later] > calls.ret[earlier]).all()
    assert (calls.number[later] == calls.number[earlier] + 1).all()
    assert (calls.outcome[earlier] < ENDING["info"]).all()
    assert (calls.lock[later] == calls.lock[earlier]).all()
    # A release carries the attempt of the acquire it belongs to, every attempt to acquire one of its own.
    released = calls.op[later] == OP["release"]
    assert ((calls.attempt.keys[later] == calls.attempt.keys[earlier]) == released).all()
    assert len(np.unique(calls.attempt.keys)) == calls.acquires.sum()


def test_clients_are_named_by_the_rule_for_successors() -> None:
    calls = generate(2_000, 3, crashes=0.1, locks=2, invalid="late")
    names = calls.clients.list()
    assert len(names) == len(set(names)) == len(np.unique(calls.client))
    assert names[-1] == "rogue"
    slots = Counter(name.partition(".")[0] for name in names[:-1])
    assert sorted(slots) == ["c1", "c2", "c3", "c4", "c5", "c6"]
    assert set(names[:-1]) == {
        f"{slot}.{life}".removesuffix(".1") for slot in slots for life in range(1, slots[slot] + 1)
    }
    # A successor acts only after the one before it did; an attempt is called after its client.
    first = {name: int(calls.inv[calls.client == number].min()) for number, name in enumerate(names)}
    assert all(first[f"c2.{life}"] < first[f"c2.{life + 1}"] for life in range(2, slots["c2"]))
    assert all((calls.attempt[row] or "").startswith(f"{names[calls.client[row]]}-") for row in range(len(calls)))


def pending(calls: Calls) -> float:
    """How many acquires wait on average, while there is one."""
    waits = calls.take(calls.is_op("acquire") & calls.ended("ok"))
    return float((waits.ret - waits.inv).sum() / (waits.ret.max() - waits.inv.min()))


def test_waiting_acquires_overlap() -> None:
    assert 42 < pending(generate(20_000, 50, "fifo", refusals=0, crashes=0)) < 50
    assert 42 < pending(generate(20_000, 50, "random", refusals=0, crashes=0)) < 50
    assert pending(generate(20_000, 50, "random")) > 25


def test_fifo_grants_in_order_of_arrival_and_random_does_not() -> None:
    for grants, share in (("fifo", 1.0), ("random", 0.7)):
        calls = generate(20_000, 10, grants)  # type: ignore[arg-type]
        ops = operations(calls, SPEC)
        granted = ops.take(ops.letter == A)
        rises = np.diff(granted.inv[np.argsort(granted.ret, kind="stable")]) >= 0
        assert (rises.mean() == 1) if share == 1 else (rises.mean() < share)


def test_the_lock_is_certainly_free_at_times() -> None:
    """Otherwise no refusal could ever be wrong, and the search for wrong ones would have nothing to do."""
    calls = generate(4 * BURST, 10, refusals=0, crashes=0)
    ops = operations(calls, SPEC)
    acquires, releases = (ops.take(ops.letter == letter) for letter in (A, R))
    gaps = np.sort(acquires.inv)[:, None] > np.sort(releases.ret)
    assert len(acquires) == len(releases) == 2 * BURST
    # After the first burst all have released before anyone asks again.
    assert gaps[BURST].sum() == BURST


def test_only_an_odd_number_leaves_the_lock_held() -> None:
    for n in (100, 101):
        calls = generate(n, 3, refusals=0, crashes=0)
        assert calls.acquires.sum() - calls.is_op("release").sum() == n % 2


@pytest.mark.parametrize(("invalid", "low", "high"), [("early", 0.02, 0.09), ("late", 0.91, 0.98)])
def test_the_rogue_comes_early_or_late(invalid: Any, low: float, high: float) -> None:
    calls = generate(10_000, 50, invalid=invalid)
    rogue = calls.take(calls.client == calls.client.max())
    assert rogue.op.tolist() == [OP["acquire"], OP["release"]]
    assert low < rogue.inv[0] / calls.inv.max() < high


def test_a_seed_tells_histories_apart() -> None:
    first, again, other = (generate(1_000, 5, seed=seed) for seed in (1, 1, 2))
    assert (first.inv == again.inv).all()
    assert (first.inv != other.inv).any()


def test_owner_values_are_as_a_reader_makes_them() -> None:
    calls = generate(500, 5, owners=True, crashes=0.1)
    names = [calls.owner[row] for row in range(len(calls))]
    assert [name is not None for name in names] == calls.acquires.tolist()
    assert len({name for name in names if name}) == calls.acquires.sum()
    assert all(re.fullmatch("[0-9a-f]{20}", name) for name in names if name)
    builder = LabelBuilder()
    assert (builder.keys(names) == calls.owner.keys).all()
    assert len(calls.owner.canonical().prefixes) == len(calls.owner.prefixes)
