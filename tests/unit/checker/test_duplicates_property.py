"""A request has one effect on a resource, whoever works on it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from checker import check
from checker.verdict import Verdict
from histories.build import Story
from histories.rows import Effect
from tests.unit.checker.judging import judged

PROPERTY = "duplicates"


def verdict_of(story: Story) -> Verdict:
    found = judged(story, PROPERTY)
    assert found is not None
    return found


def test_duplicates_says_how_many_requests_by_how_many_clients() -> None:
    story = Story().trial(0, 100).effect(1, "A", request="r1").effect(2, "B", request="r2").effect(3, "B", request="r3")
    found = verdict_of(story)
    assert (found.validity, found.reason) == ("valid", "3 requests on stock by 2 clients")
    assert found.figures == {"requests": 3, "duplicates": 0}


def test_duplicates_shows_both_effects() -> None:
    story = Story().trial(0, 100).acquire("A", 0, 1).effect(2, "A", request="r1").fault("pause-client", 3, 9, "A")
    story.acquire("B", 4, 5).effect(6, "B", request="r1").effect(7, "A", request="r1")
    found = verdict_of(story)
    assert (found.validity, found.kind) == ("invalid", "duplicate")
    assert found.sentence == "request r1 had two effects on stock: by A and B"
    assert found.figures == {"requests": 1, "duplicates": 2}
    assert [
        (event.at_ms, event.who, event.what, event.attempt) for event in found.witness if event.row == "effect"
    ] == [
        (2.0, "A", "has effect 1 on stock for request r1", "A-1"),
        (6.0, "B", "has effect 2 on stock for request r1", "B-1"),
    ]
    assert [fault.name for fault in found.faults] == ["pause-client"]


def test_duplicates_by_one_client_count_too() -> None:
    story = Story().trial(0, 100).effect(2, "A", request="r1").effect(3, "A", request="r1")
    found = verdict_of(story)
    assert (found.validity, found.sentence) == ("invalid", "request r1 had two effects on stock: by A twice")


def test_duplicates_on_two_resources_are_two_effects_of_a_transfer() -> None:
    story = Story().effect(1, "A", 5, "from", request="r1").effect(1, "A", -5, "to", request="r1")
    found = verdict_of(story.effect(2, "B", 1, "to", request="r2"))
    assert (found.validity, found.reason) == ("valid", "3 requests on 2 resources by 2 clients")


def test_duplicates_a_trial_that_shows_nothing() -> None:
    found = verdict_of(Story().effect(1, "c1", request="r1").effect(2, "c1.2", request="r2"))
    assert (found.validity, found.reason) == ("unknown", "vacuous: only one client worked on the 2 requests on stock")


def test_duplicates_needs_requests() -> None:
    assert judged(Story().effect(1, "A").effect(2, "B"), PROPERTY) is None
    assert judged(Story(), PROPERTY) is None


def test_duplicates_are_judged_once_for_all_locks_of_a_resource() -> None:
    story = Story().trial(0, 100)
    for number, lock in enumerate(["one", "two", "three"]):
        story.lock = lock
        story.hold(f"c{number}", 10 * number, 10 * number + 1, until=10 * number + 5)
        if lock != "one":
            story.effect(10 * number + 2, f"c{number}", request="r1")
    found = [verdict for verdict in check(story.history()) if verdict.property == PROPERTY]
    assert [(verdict.lock, verdict.validity) for verdict in found] == [("two", "invalid")]


@given(st.lists(st.tuples(st.sampled_from(["r1", "r2", "r3", None]), st.sampled_from(["x", "y"])), max_size=10))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_duplicates_are_counted(drawn: list[tuple[str | None, str]]) -> None:
    story = Story().trial(0, 100)
    for number, (request, resource) in enumerate(drawn):
        story.add(Effect(t=number, seq=number, resource=resource, request=request, client="AB"[number % 2]))
    named = [pair for pair in drawn if pair[0] is not None]
    found = judged(story, PROPERTY)
    assert (found is None) == (not named)
    if found is not None:
        again = len(named) - len(set(named))
        assert found.figures == {"requests": len(set(named)), "duplicates": again}
        assert (found.validity == "invalid") == (again > 0)
