"""Linearizability is judged for locks that never lapse, with what their spec says of refusals."""

from __future__ import annotations

from histories.build import Story
from histories.spec import Spec
from tests.unit.checker import stories
from tests.unit.checker.judging import judged, validity
from tests.unit.checker.stories import EXACT, FOREVER


def test_linearizability_is_for_locks_that_never_lapse() -> None:
    assert validity(stories.quiet(), "linearizability") is None
    assert validity(Story(FOREVER).hold("A", 0, 1, until=5), "linearizability") == ("valid", None)


def test_linearizability_shows_the_calls_that_cannot_be_explained() -> None:
    verdict = judged(Story(FOREVER).hold("A", 0, 1, until=50).hold("B", 10, 11, until=20), "linearizability")
    assert verdict is not None
    assert (verdict.validity, verdict.kind) == ("invalid", "double-grant")
    assert {event.who for event in verdict.witness} == {"A", "B"}


def test_linearizability_counts_refusals_only_where_they_are_exact() -> None:
    refused = [Story(spec).acquire("A", 0, 1, "fail", op="try") for spec in (EXACT, FOREVER)]
    assert validity(refused[0], "linearizability") == ("invalid", "refused-while-free")
    assert validity(refused[1], "linearizability") is None
    unreached = Story(EXACT).acquire("A", 0, 1, "fail", error="not connected, nothing was asked: no route")
    assert validity(unreached, "linearizability") is None


def test_linearizability_of_a_mutex_without_owners_lets_anybody_release() -> None:
    anybody = Story(Spec(owners="anonymous")).acquire("A", 0, 1).release("B", 5, 6)
    assert validity(anybody, "linearizability") == ("valid", None)
    owned = Story(FOREVER).acquire("A", 0, 1).release("B", 5, 6)
    assert validity(owned, "linearizability") == ("invalid", "release-not-held")


def test_linearizability_is_decided_where_a_client_went_on_after_a_lost_acquire() -> None:
    """B was refused while A's lost acquire may have held it; after A's release nobody can have."""
    story = Story(EXACT).acquire("A", 0, 1, "info").acquire("B", 3, 4, "fail").release("A", 5, 6)
    assert validity(story.acquire("B", 7, 8), "linearizability") == ("valid", None)
    late = Story(EXACT).acquire("A", 0, 1, "info").release("A", 5, 6).acquire("B", 7, 8, "fail")
    verdict = judged(late, "linearizability")
    assert verdict is not None
    assert verdict.validity == "invalid"
    assert {event.who for event in verdict.witness} >= {"B"}
