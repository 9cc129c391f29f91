"""Re-entry: up to the limit and no further; for locks that lapse as well."""

from __future__ import annotations

from histories.build import MS, Story
from histories.spec import Spec
from tests.unit.checker.judging import judged, validity

TWICE = Spec(reentry_limit=2, refusals="exact")
LEASED = Spec(reentry_limit=2, refusals="exact", lease_ns=100 * MS)


def twice(spec: Spec = TWICE) -> Story:
    return Story(spec).trial(0, 500).acquire("A", 0, 1).acquire("A", 2, 3, depth=2)


def test_as_deep_as_the_limit_is_valid() -> None:
    story = twice().release("A", 10, 11).release("A", 20, 21)
    assert validity(story, "re-entry") == ("valid", None)
    assert judged(story, "re-entry").figures == {"deepest": 2}  # type: ignore[union-attr]


def test_deeper_than_the_limit_is_not() -> None:
    story = twice().acquire("A", 4, 5, depth=3)
    assert validity(story, "re-entry") == ("invalid", "limit-exceeded")


def test_a_grant_after_a_release_is_no_deeper() -> None:
    assert validity(twice().release("A", 4, 5).acquire("A", 6, 7), "re-entry") == ("valid", None)


def test_a_holder_refused_below_the_limit_was_locked_out_by_itself() -> None:
    story = Story(TWICE).trial(0, 500).acquire("A", 0, 1).acquire("A", 2, 3, "fail", op="try")
    assert validity(story, "re-entry") == ("invalid", "refused-re-entry")


def test_at_the_limit_a_refusal_is_right() -> None:
    assert validity(twice().acquire("A", 4, 5, "fail", op="try"), "re-entry") == ("valid", None)


def test_a_refusal_after_the_lease_may_have_lapsed_says_nothing() -> None:
    early = Story(LEASED).trial(0, 500).acquire("A", 0, 1).acquire("A", 90, 91, "fail", op="try")
    late = Story(LEASED).trial(0, 500).acquire("A", 0, 1).acquire("A", 90, 105, "fail", op="try")
    assert validity(early, "re-entry") == ("invalid", "refused-re-entry")
    assert validity(late, "re-entry") == ("unknown", None)


def test_refused_after_letting_go_is_no_re_entry() -> None:
    story = Story(TWICE).trial(0, 500).acquire("A", 0, 1).release("A", 4, 9).acquire("A", 10, 11, "fail", op="try")
    assert validity(story, "re-entry") is None


def test_without_a_try_there_is_nothing_to_judge() -> None:
    assert judged(Story(TWICE).trial(0, 500).hold("A", 0, 1, until=5), "re-entry") is None
    others = Story(TWICE).trial(0, 500).hold("A", 0, 1, until=5).hold("B", 2, 6, until=8)
    assert judged(others, "re-entry") is None


def test_spurious_refusals_and_plain_mutexes_are_not_judged() -> None:
    spurious = Story(Spec(reentry_limit=2)).trial(0, 500).acquire("A", 0, 1).acquire("A", 2, 3, "fail", op="try")
    assert validity(spurious, "re-entry") == ("unknown", None)
    assert validity(Story().hold("A", 0, 1, until=5), "re-entry") is None
