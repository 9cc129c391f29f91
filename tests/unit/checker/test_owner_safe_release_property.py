"""A release frees only what is the releaser's own: proven by observers or by time."""

from __future__ import annotations

from histories.build import Story
from histories.spec import Spec
from tests.unit.checker import stories
from tests.unit.checker.judging import judged, validity
from tests.unit.checker.stories import FOREVER, LEASE


def test_release_refused_after_the_own_lease_is_how_it_should_be() -> None:
    story = Story(LEASE).acquire("A", 0, 2).release("A", 3000, 3001, "fail").hold("B", 3100, 3101, until=3200)
    assert validity(story, "owner-safe-release") == ("valid", None)


def test_release_that_succeeds_after_the_own_lease_freed_something_else() -> None:
    story = Story(LEASE).acquire("A", 0, 2).release("A", 3000, 3001)
    verdict = judged(story, "owner-safe-release")
    assert verdict is not None
    assert (verdict.validity, verdict.kind, verdict.cause) == ("invalid", "late-release", "lease-ran-out")


def test_release_that_succeeds_late_is_right_where_the_key_was_seen_to_live_longer() -> None:
    story = Story(LEASE).acquire("A", 0, 2, owner="a").release("A", 3000, 3001)
    story.began(1, "redis-1", "a").ended(3001, "redis-1", "a", "deleted")
    assert validity(story, "owner-safe-release") == ("valid", None)


def test_release_is_not_judged_by_time_under_a_clock_fault() -> None:
    story = Story(LEASE).acquire("A", 0, 2).release("A", 3000, 3001).fault("clock-jump", 500, 600, "redis-1")
    assert validity(story, "owner-safe-release") == ("valid", None)


def test_release_that_deleted_the_key_of_another_names_both() -> None:
    verdict = judged(stories.foreign_release(), "owner-safe-release")
    assert verdict is not None
    assert (verdict.validity, verdict.kind, verdict.cause) == ("invalid", "foreign-release", "lease-ran-out")
    assert "c1 released" in verdict.sentence
    assert "key of c2" in verdict.sentence


def test_release_blind_and_without_owner_values_is_found_by_its_time() -> None:
    """SETNX: every key says 1. A lost reply, a blind DEL: B's key is gone while B is inside."""
    story = Story(FOREVER).trial(0, 900).role(0, "redis-1", "primary")
    story.acquire("B", 100, 102).began(101, "redis-1", "1")
    story.acquire("A", 90, 590, "info").release("A", 600, 602).ended(601, "redis-1", "1", "deleted")
    story.release("B", 800, 802, "fail")
    verdict = judged(story, "owner-safe-release")
    assert verdict is not None
    assert (verdict.validity, verdict.kind) == ("invalid", "foreign-release")


def test_release_is_not_judged_where_none_took_effect() -> None:
    assert validity(Story(LEASE).acquire("A", 0, 1).release("A", 5, 6, "fail"), "owner-safe-release") is None
    assert validity(Story(Spec(owners="anonymous")).hold("A", 0, 1, until=9), "owner-safe-release") is None
