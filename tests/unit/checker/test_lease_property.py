"""The lease property: sound on definite holds, unknown where neither proof is found, by observers for sessions."""

from __future__ import annotations

from histories.build import Story
from tests.unit.checker import stories
from tests.unit.checker.judging import judged, validity
from tests.unit.checker.stories import LEASE


def test_lease_definite_holds_of_two_owners_that_meet() -> None:
    story = Story(LEASE).hold("A", 0, 2, until=900).hold("B", 500, 502, until=600)
    assert validity(story, "lease") == ("invalid", "double-grant")


def test_lease_runs_from_the_call_and_to_the_last_confirmed_renewal() -> None:
    """A's lease is certain until 2·(1−1 %) s after the call of its acquire, or of a renewal that was confirmed."""
    silent = Story(LEASE).acquire("A", 0, 2).hold("B", 1000, 2100, until=2200)
    renewed = Story(LEASE).acquire("A", 0, 2).renew("A", 1000, 1002).hold("B", 1000, 2100, until=2200)
    refused = Story(LEASE).acquire("A", 0, 2).renew("A", 1000, 1002, "fail").hold("B", 1000, 2100, until=2200)
    assert validity(silent, "lease") == ("valid", None)
    assert validity(renewed, "lease") == ("invalid", "double-grant")
    assert validity(refused, "lease") == ("valid", None)


def test_lease_ends_at_the_first_release_attempt_whatever_came_of_it() -> None:
    story = Story(LEASE).acquire("A", 0, 2).release("A", 100, None).hold("B", 50, 110, until=200)
    assert validity(story, "lease") == ("valid", None)


def test_lease_a_later_owner_meets_an_earlier_one_beyond_its_neighbour() -> None:
    story = Story(LEASE).acquire("A", 0, 2).acquire("A2", 3, 4, "fail")
    story.hold("B", 5, 1990, until=1991.5, released=1992).hold("C", 1000, 1200, until=1300)
    verdict = judged(story, "lease")
    assert verdict is not None
    assert verdict.validity == "invalid"
    assert {"A", "C"} <= {event.who for event in verdict.witness}


def test_lease_is_unknown_where_no_order_of_grants_was_found() -> None:
    """Definite holds do not meet; but A's call was so short that B's grant must lie within A's possible lease."""
    story = Story(LEASE).acquire("A", 0, 2).acquire("B", 1979, 1981).release("B", 1990, 1991)
    verdict = judged(story, "lease")
    assert verdict is not None
    assert verdict.validity == "unknown"
    assert "A" in verdict.sentence
    assert "B" in verdict.sentence


def test_lease_of_a_session_is_judged_by_what_observers_saw() -> None:
    assert validity(stories.session_overstay(), "lease") == ("valid", None)
    blind = stories.session_overstay()
    blind.rows = [row for row in blind.rows if type(row).__name__ not in {"Server", "Role"}]
    assert validity(blind, "lease") == ("unknown", None)


def test_lease_does_not_apply_where_nothing_lapses() -> None:
    assert validity(stories.local_mutex(), "lease") is None
