"""Each kind of lock is judged by its own algorithm, and what that leaves open by the general search."""

from __future__ import annotations

from collections.abc import Hashable

import pytest

from checker.linear.decide import algorithm, linear_answers
from checker.linear.operations import written
from histories.build import Story
from histories.spec import Spec
from tests.unit.checker.linear.drawn import Draw, compare
from tests.unit.checker.referee import FREE, Step, anonymous, mutex
from tests.unit.checker.referee_models import NOBODY_IN, NONE_HELD, read_write, reentrant, semaphore

LOCKS: dict[str, tuple[Spec, Step, Hashable]] = {
    "owner mutex": (Spec(refusals="exact"), mutex, FREE),
    "anonymous mutex": (Spec(owners="anonymous", refusals="exact"), anonymous, FREE),
    "two permits": (Spec(permits=2, refusals="exact"), semaphore(2, owners=True), NONE_HELD),
    "three permits": (Spec(permits=3, refusals="exact"), semaphore(3, owners=True), NONE_HELD),
    "anybody's permits": (
        Spec(permits=2, owners="anonymous", refusals="exact"), semaphore(2, owners=False), NONE_HELD
    ),
    "re-entrant mutex": (Spec(reentry_limit=2, refusals="exact"), reentrant(2), FREE),
    "read-write lock": (Spec(read_write=True, refusals="exact"), read_write(), NOBODY_IN),
}  # fmt: skip


@pytest.mark.parametrize("name", LOCKS)
def test_nothing_is_left_open(name: str) -> None:
    """Of clients that go on after results of unknown effect, too."""
    spec, step, initial = LOCKS[name]
    shared = (True, True, False) if spec.read_write else (False,)
    draw = Draw(step, initial, "AAARRFFNCD", shared=shared, retire=False, operations=8)
    answers = compare(algorithm(spec), draw, 200)
    assert None not in answers
    assert min(answers[True], answers[False]) > 20, answers


def test_a_lock_that_keeps_an_order_of_arrival_may_refuse_readers_because_a_writer_waits() -> None:
    operations, _ = written(["p0 A 1 2 shared", "p1 A 3 9", "p2 F 4 5 shared", "p0 R 6 7 shared"])
    assert algorithm(Spec(read_write=True, refusals="exact"))(operations)[0].kind == "refused-while-free"
    assert algorithm(Spec(read_write=True, refusals="exact", most_overtakes=0))(operations) == {}


def test_a_witness_has_the_rows_of_the_calls() -> None:
    """Reads of the ledger and renewals are no operations, and each lock has its own."""
    story = Story(Spec()).read("A", 0, 1, 5).hold("A", 2, 3, until=90)
    story.lock = "another"
    story.read("C", 4, 5, 5).acquire("A", 6, 7)
    story.lock = "lock"
    story.read("B", 10, 11, 5).hold("B", 20, 21, until=30)
    story.lock = "another"
    story.acquire("C", 40, 41)
    calls = story.history().calls
    found = linear_answers(calls, Spec())
    shown = {
        calls.locks[lock]: [(calls.call(row).client, calls.call(row).op) for row in answer.witness]
        for lock, answer in found.items()
    }
    assert shown == {
        "lock": [("A", "acquire"), ("B", "acquire"), ("A", "release"), ("B", "release")],
        "another": [("A", "acquire"), ("C", "acquire")],
    }
    assert {answer.kind for answer in found.values()} == {"double-grant"}
