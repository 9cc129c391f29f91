"""A hold by a lost acquire parts the free time it lies in: refusals before and after it need holders of their own."""

from __future__ import annotations

from checker.linear.operations import written
from checker.linear.owner_mutex import owner_mutex
from tests.unit.checker.referee import linearizable, ops_of

LOST = ("p3 C 10", "p3 R 20 21", "p5 A 40 41")
BEFORE, AFTER = "p9 F 5 6", "p9 F 30 31"
EARLY, LATE = ("p1 C 1", "p1 D 2"), ("p2 C 25", "p2 D 26")


def right(*texts: str) -> bool:
    """The answer without a search, which must be the referee's as well."""
    operations, _ = written(texts)
    answer = owner_mutex(operations).get(0)
    assert answer is None or answer.valid is False
    assert (answer is None) is linearizable(ops_of(operations))
    return answer is None


def test_each_gap_needs_a_holder_that_was_there() -> None:
    assert right(*LOST, BEFORE, AFTER, *EARLY, *LATE)
    assert not right(*LOST, BEFORE, AFTER, *EARLY)
    assert not right(*LOST, BEFORE, AFTER, *LATE)
    assert right(*LOST, BEFORE, *EARLY)
    assert right(*LOST, AFTER, *EARLY)
    assert right(*LOST, AFTER, *LATE)
    assert not right(*LOST, BEFORE, *LATE)
