"""Who is told of a loss leaves; a call under way and a pause excuse."""

from __future__ import annotations

from histories.build import Story
from tests.unit.checker import stories
from tests.unit.checker.judging import judged, validity
from tests.unit.checker.stories import SESSION


def test_belief_who_is_told_leaves() -> None:
    story = Story(SESSION).acquire("A", 0, 1, fence=1).told("A", 100).leave("A", 130)
    assert validity(story, "stale-belief") == ("valid", None)
    assert validity(stories.quiet(), "stale-belief") is None


def test_belief_told_and_stayed() -> None:
    story = Story(SESSION).acquire("A", 0, 1, fence=1).told("A", 100).write("A", 400, 401, 1, fence=1)
    verdict = judged(story.release("A", 900, 901), "stale-belief")
    assert verdict is not None
    assert (verdict.validity, verdict.kind) == ("invalid", "stayed")
    assert "800 ms" in verdict.sentence
    assert "wrote 1 times" in verdict.sentence


def test_belief_a_ledger_call_under_way_may_end_first() -> None:
    story = Story(SESSION).acquire("A", 0, 1, fence=1).write("A", 90, 1090, 1, "info", fence=1)
    assert validity(story.told("A", 100).leave("A", 1100), "stale-belief") == ("valid", None)


def test_belief_standing_still_is_not_staying() -> None:
    story = Story(SESSION).acquire("A", 0, 1, fence=1).told("A", 100).paused("A", 110, 5000).leave("A", 5010)
    assert validity(story, "stale-belief") == ("valid", None)
