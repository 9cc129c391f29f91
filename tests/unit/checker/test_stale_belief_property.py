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
    story = Story(SESSION).acquire("A", 0, 1, fence=1).told("A", 100).write("A", 700, 701, 1, fence=1)
    verdict = judged(story.release("A", 1500, 1501), "stale-belief")
    assert verdict is not None
    assert (verdict.validity, verdict.kind) == ("invalid", "stayed")
    assert "1400 ms" in verdict.sentence
    assert "and wrote once" in verdict.sentence


def test_belief_a_ledger_call_under_way_may_end_first() -> None:
    story = Story(SESSION).acquire("A", 0, 1, fence=1).write("A", 90, 1090, 1, "info", fence=1)
    assert validity(story.told("A", 100).leave("A", 1100), "stale-belief") == ("valid", None)


def test_belief_standing_still_is_not_staying() -> None:
    story = Story(SESSION).acquire("A", 0, 1, fence=1).told("A", 100).paused("A", 110, 5000).leave("A", 5010)
    assert validity(story, "stale-belief") == ("valid", None)


def test_belief_a_call_begun_before_the_message_got_through_may_end_first() -> None:
    """The library's thread is told; the working thread begins a slow read a moment later."""
    story = Story(SESSION).acquire("A", 0, 1, fence=1).told("A", 100).read("A", 101, 1200, 5).leave("A", 1205)
    assert validity(story, "stale-belief") == ("valid", None)


def test_belief_one_call_after_another_is_staying() -> None:
    story = Story(SESSION).acquire("A", 0, 1, fence=1).told("A", 100)
    for start in range(110, 3000, 300):
        story.read("A", start, start + 290, 5)
    assert validity(story.leave("A", 3100), "stale-belief") == ("invalid", "stayed")
