"""Exact refusals: justified, unjustified, and unknown where holds do not follow one another."""

from __future__ import annotations

from histories.build import MS, Story
from histories.spec import Spec
from tests.unit.checker.judging import validity
from tests.unit.checker.stories import EXACT, FOREVER


def test_refusal_while_somebody_may_hold_is_justified() -> None:
    story = Story(EXACT).hold("A", 0, 5, until=20).acquire("B", 7, 8, "fail")
    assert validity(story, "refusal-justified") == ("valid", None)
    assert validity(Story(EXACT).hold("A", 0, 5, until=20), "refusal-justified") is None
    assert validity(Story(FOREVER).acquire("B", 7, 8, "fail"), "refusal-justified") is None


def test_refusal_while_the_lock_is_certainly_free() -> None:
    story = Story(EXACT).hold("A", 0, 5, until=20, released=21).acquire("B", 30, 31, "fail").hold("A", 40, 41, until=50)
    assert validity(story, "refusal-justified") == ("invalid", "refused-while-free")


def test_refusal_is_unknown_where_holds_do_not_follow_one_another() -> None:
    story = Story(EXACT).hold("A", 0, 1, until=50).hold("B", 10, 11, until=20).acquire("C", 90, 91, "fail")
    assert validity(story, "refusal-justified") == ("unknown", None)


def test_refusal_under_an_exact_lease() -> None:
    exact = Spec(lease_ns=2000 * MS, refusals="exact")
    lapsed = Story(exact).acquire("A", 0, 2).leave("A", 50, "deadline").acquire("B", 2100, 2101, "fail")
    within = Story(exact).acquire("A", 0, 2).leave("A", 50, "deadline").acquire("B", 2000, 2001, "fail")
    ghost = Story(exact).acquire("A", 0, None).acquire("B", 2100, 2101, "fail")
    assert validity(lapsed, "refusal-justified") == ("invalid", "refused-while-free")
    assert validity(within, "refusal-justified") == ("valid", None)
    assert validity(ghost, "refusal-justified") == ("valid", None)


def test_refusal_under_an_exact_lease_clips_extents_by_the_certain_holds_of_others() -> None:
    """The trap of CHECKERS §3: A's call spans all, but its grant lies after B's hold, so nobody held at 20."""
    exact = Spec(lease_ns=2000 * MS, refusals="exact")
    story = Story(exact).acquire("A", 10, 70).acquire("B", 20, 21, "fail").hold("B", 40, 50, until=60)
    assert validity(story.release("A", 80, 81), "refusal-justified") == ("invalid", "refused-while-free")
