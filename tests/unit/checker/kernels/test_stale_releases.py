"""Releases that belong to an earlier hold move nothing, however one depends on another."""

from __future__ import annotations

import pytest

import checker.holds
from checker.case import cases
from histories.build import MS, Story
from histories.spec import Spec

Spans = list[tuple[str, int, int]]


def spans(story: Story) -> Spans:
    return [
        (hold.attempt, hold.entered // MS, hold.left // MS)
        for case in cases(story.history())
        for hold in case.all_holds()
    ]


def nested_and_repeated() -> Story:
    """A-3 is within A-2's hold only because the repeated release of A-1 did not end that; so its own repeated release,
    in A-4's hold, is known to be stale one round later."""
    story = Story(Spec(reentry_limit=2)).trial(0, 1000)
    story.hold("A", 0, 1, until=2)
    story.acquire("A", 10, 11).release("A", 12, 13, "fail", attempt="A-1").acquire("A", 14, 15, depth=2)
    story.release("A", 16, 17, attempt="A-2").release("A", 18, 19, attempt="A-3")
    story.acquire("A", 30, 31).release("A", 32, 33, "fail", attempt="A-3").acquire("A", 34, 35, depth=2)
    story.release("A", 36, 37, attempt="A-4").release("A", 38, 39, attempt="A-5")
    return story


def test_what_is_stale_may_depend_on_what_was_stale_before() -> None:
    assert spans(nested_and_repeated()) == [("A-1", 1, 2), ("A-2", 11, 18), ("A-4", 31, 38)]


@pytest.mark.parametrize("batch", [1, 3, 1 << 18])
def test_clients_may_be_looked_at_some_at_a_time(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker.holds, "BATCH", batch)
    story = nested_and_repeated()
    story.hold("B", 3, 5, until=7).hold("C", 3, 4, until=8).hold("B", 40, 41, until=42)
    story.lock = "another"
    story.hold("A", 50, 51, until=60).hold("B", 50, 51, until=55).hold("C", 70, 71, until=72)
    assert spans(story) == [
        ("A-1", 1, 2), ("C-1", 4, 8), ("B-1", 5, 7), ("A-2", 11, 18), ("A-4", 31, 38), ("B-2", 41, 42),
        ("B-3", 51, 55), ("A-6", 51, 60), ("C-2", 71, 72),
    ]  # fmt: skip


def test_a_client_whose_calls_overlap() -> None:
    """B calls release before its acquire has returned: that releases nothing."""
    story = Story(Spec()).trial(0, 100).hold("A", 0, 1, until=2)
    story.acquire("B", 10, 30).release("B", 20, 25)
    assert spans(story) == [("A-1", 1, 2), ("B-1", 30, 100)]


def test_a_release_at_the_moment_of_the_grant_comes_after_it() -> None:
    """Whether or not the client left once as well."""
    story = Story(Spec()).trial(0, 100).acquire("A", 0, 5).release("A", 5, 6)
    assert spans(story) == [("A-1", 5, 5)]
    assert spans(story.acquire("A", 10, 11).leave("A", 12)) == [("A-1", 5, 5), ("A-2", 11, 12)]
