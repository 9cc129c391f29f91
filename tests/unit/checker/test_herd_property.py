"""Wakes per release, and the promise that they are few."""

from __future__ import annotations

import pytest

from checker import check
from checker.verdict import Verdict
from histories.build import Story
from histories.spec import Spec
from tests.unit.checker.judging import judged

PROPERTY = "herd"
QUEUE = Spec(most_woken=1)


def waiting(spec: Spec = QUEUE) -> Story:
    """A holds until 100 while B, C and D wait; B is next."""
    story = Story(spec).trial(0, 1000).hold("A", 0, 1, until=100)
    return story.acquire("B", 10, 120).acquire("C", 11, 300).acquire("D", 12, 400)


def verdict_of(story: Story) -> Verdict:
    found = judged(story, PROPERTY)
    assert found is not None
    return found


def figures_of(story: Story) -> dict[str, object]:
    verdict = next(verdict for verdict in check(story.history()) if verdict.property == "mutual-exclusion")
    return {key: value for key, value in verdict.figures.items() if "wake" in key or "woken" in key}


def test_herd_one_is_woken() -> None:
    found = verdict_of(waiting().wake(105, "B").release("B", 200, 201))
    assert (found.validity, found.reason) == ("valid", "up to 3 waited at one of 2 releases")
    assert found.figures == {"wakes": 1, "wakes_per_release": 0.5, "max_woken": 1}


def test_herd_all_are_woken() -> None:
    found = verdict_of(waiting().fault("kill-node", 50, 60, "n").wake(105, "B", "C", "D").wake(106, "B"))
    assert (found.validity, found.kind) == ("invalid", "herd")
    assert found.sentence == "when A left lock, 3 waiters were woken (promised: 1)"
    assert [(event.at_ms, event.who, event.what) for event in found.witness if event.row == "wake"] == [
        (105.0, "B", "is woken (watch)"),
        (105.0, "C", "is woken (watch)"),
    ]
    assert found.faults == []
    assert (found.figures["wakes"], found.figures["max_woken"]) == (4, 3)


def test_herd_waking_one_waiter_twice_is_one() -> None:
    assert verdict_of(waiting().wake(105, "B").wake(110, "B")).validity == "valid"


@pytest.mark.parametrize(("t", "counts"), [(50, 0), (99.9, 0), (100, 1), (120, 1), (121, 0), (199, 0), (200, 1)])
def test_herd_wakes_count_from_a_release_to_the_next_grant(t: float, counts: int) -> None:
    story = waiting().wake(t, "C").release("B", 200, 201)
    assert figures_of(story)["wakes"] == counts


def test_herd_wakes_after_the_last_release_count_to_the_end() -> None:
    story = Story(QUEUE).trial(0, 1000).hold("A", 0, 1, until=100).acquire("B", 10, None).acquire("C", 10, None)
    found = verdict_of(story.wake(700, "B", "C"))
    assert (found.validity, found.figures["max_woken"]) == ("invalid", 2)


@pytest.mark.parametrize(
    ("story", "why"),
    [
        (waiting(), "no wake was recorded"),
        (
            Story(QUEUE).trial(0, 1000).hold("A", 0, 1, until=100).hold("B", 10, 120, until=200).wake(105, "B"),
            "never more than 1 waited when lock was released",
        ),
        (Story(QUEUE).trial(0, 10), "no wake was recorded"),
        (
            Story(QUEUE)
            .trial(0, 1000)
            .hold("A", 0, 1, until=9)
            .acquire("A", 10, 11)
            .wake(9, "A")
            .acquire("B", 20, None)
            .acquire("C", 20, None),
            "never more than 0 waited when lock was released",
        ),
    ],
    ids=["no-wakes", "one-waiter", "nobody", "waiting-at-the-end"],
)
def test_herd_a_trial_that_shows_nothing(story: Story, why: str) -> None:
    found = verdict_of(story)
    assert (found.validity, found.reason) == ("unknown", f"vacuous: {why}")


def test_herd_without_a_promise_there_are_figures_only() -> None:
    story = waiting(Spec()).wake(105, "B", "C", "D").release("B", 200, 201)
    assert judged(story, PROPERTY) is None
    assert figures_of(story) == {"wakes": 3, "wakes_per_release": 1.5, "max_woken": 3}
    assert figures_of(waiting(Spec())) == {}


def test_herd_wakes_before_anybody_held() -> None:
    assert figures_of(Story(Spec()).trial(0, 100).acquire("A", 0, 50).wake(10, "A")) == {
        "wakes": 0, "wakes_per_release": 0.0, "max_woken": 0,
    }  # fmt: skip


def test_herd_of_many_locks() -> None:
    story = Story(QUEUE).trial(0, 1000)
    for lock in ("one", "two"):
        story.lock = lock
        story.hold(f"{lock}-A", 0, 1, until=100).acquire(f"{lock}-B", 10, 120).acquire(f"{lock}-C", 11, 300)
    story.wake(105, "two-B", "two-C")
    found = {verdict.lock: verdict.validity for verdict in check(story.history()) if verdict.property == PROPERTY}
    assert found == {"one": "unknown", "two": "invalid"}
