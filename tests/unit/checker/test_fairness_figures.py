"""Figures of fairness: overtakes by the order of calls, shares of the grants, the longest wait."""

from __future__ import annotations

import pytest

from checker import fairness
from checker.case import cases
from checker.verdict import Figure
from histories.build import Story
from histories.spec import Spec


def figures_of(story: Story, lock: int = 0) -> dict[str, Figure]:
    return fairness.of_case(cases(story.history())[lock])


def test_figures_of_fairness() -> None:
    story = Story(Spec()).trial(0, 1000).acquire("A", 0, 50).acquire("B", 1, 30).release("B", 35, 36)
    story.hold("B", 38, 45, until=48, released=49).acquire("C", 2, 400, "fail").acquire("D", 3, 4, "fail", op="try")
    assert figures_of(story) == {
        "overtakes": 2, "max_overtaken": 2, "jain_index": 0.45, "longest_wait_ms": 398.0,
    }  # fmt: skip


def test_calls_at_the_same_instant_overtake_nobody() -> None:
    story = Story(Spec()).trial(0, 100).acquire("A", 5, 50).hold("B", 5, 10, until=11)
    assert figures_of(story)["overtakes"] == 0


def test_one_client_has_no_figures_of_fairness() -> None:
    assert figures_of(Story(Spec()).hold("c1", 0, 1, until=5).hold("c1.2", 6, 7, until=8)) == {}
    assert figures_of(Story(Spec())) == {}


def test_where_nobody_was_granted_shares_say_nothing() -> None:
    story = Story(Spec()).trial(0, 100).acquire("A", 0, 5, "fail", op="try").acquire("B", 0, 6, "fail", op="try")
    assert figures_of(story) == {"overtakes": 0, "max_overtaken": 0}


@pytest.mark.parametrize(("killed", "waited"), [(None, 90.0), (40, 30.0)])
def test_who_never_came_back_waited_to_the_end_of_its_client(killed: int | None, waited: float) -> None:
    story = Story(Spec()).trial(0, 100).hold("A", 0, 1, until=5).acquire("B", 10, None)
    if killed is not None:
        story.client("B", killed, "killed")
    assert figures_of(story)["longest_wait_ms"] == waited


def test_each_lock_has_its_own() -> None:
    story = Story(Spec()).trial(0, 100)
    for lock, late in (("one", 20), ("two", 40)):
        story.lock = lock
        story.acquire(f"{lock}-A", 0, 30).hold(f"{lock}-B", 1, late, until=late + 1)
    assert [figures_of(story, lock)["overtakes"] for lock in (0, 1)] == [1, 0]
