"""Nobody gets more out of a resource than was in it, by the resource's own order and exact sums."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import check
from checker.verdict import Verdict
from histories.build import Story
from histories.rows import Effect
from histories.spec import Spec
from tests.unit.checker.judging import judged

PROPERTY = "conservation"
STOCK = Spec(budgets={"stock": 3})


def verdict_of(story: Story) -> Verdict:
    found = judged(story, PROPERTY)
    assert found is not None
    return found


def sold(*clients: str, spec: Spec = STOCK) -> Story:
    """Clients take turns; each takes one from the stock."""
    story = Story(spec).trial(0, 1000)
    for number, client in enumerate(clients):
        start = 10 * number
        story.acquire(client, start, start + 1).effect(start + 2, client).release(client, start + 5, start + 6)
    return story


def test_conservation_says_what_was_taken_by_whom() -> None:
    found = verdict_of(sold("A", "B", "A"))
    assert found.validity == "valid"
    assert found.reason == "3 of 3 taken from stock in 3 effects by 2 clients"
    assert found.figures == {"effects": 3, "taken": 3, "budget": 3, "over_by": 0, "effects_over": 0}


def test_conservation_shows_the_sale_that_went_over_and_both_holders() -> None:
    story = Story(STOCK).trial(0, 1000).fault("failover", 15, 900, "n")
    story.hold("C", 0, 1, until=9).effect(5, "C").effect(6, "C")
    story.acquire("A", 8, 11).acquire("B", 10, 20).effect(30, "A").effect(32, "B")
    found = verdict_of(story.release("A", 40, 41).release("B", 42, 43))
    assert (found.validity, found.kind) == ("invalid", "over-budget")
    assert found.sentence == "B took 1 from stock when 3 of 3 were taken: 1 more than there was"
    assert (found.figures["over_by"], found.figures["effects_over"]) == (1, 1)
    said = [(event.at_ms, event.who, event.what) for event in found.witness if event.row != "fault"]
    assert said == [
        (8.0, "A", "calls acquire"),
        (10.0, "B", "calls acquire"),
        (11.0, "A", "is granted"),
        (20.0, "B", "is granted"),
        (30.0, "A", "takes 1 from stock (3 of 3 taken)"),
        (32.0, "B", "takes 1 from stock (4 of 3 taken)"),
    ]
    assert [event.attempt for event in found.witness if event.row == "effect"] == ["A-1", "B-1"]
    assert [fault.name for fault in found.faults] == ["failover"]


def test_conservation_of_an_effect_after_its_holder_had_left() -> None:
    """A payment that arrives late does its harm under the next holder."""
    story = Story(Spec(budgets={"stock": 1})).trial(0, 1000)
    story.hold("A", 0, 1, until=50).hold("B", 60, 61, until=90).effect(70, "B").effect(80, "A")
    found = verdict_of(story)
    assert found.validity == "invalid"
    assert [event.who for event in found.witness if event.row == "call"] == ["A", "A", "B"]
    assert (50.0, "calls release: leaves") in [(event.at_ms, event.what) for event in found.witness]


def test_conservation_more_given_back_than_taken() -> None:
    story = sold("A", "B").effect(100, "A", -2).effect(101, "B", -1)
    found = verdict_of(story)
    assert (found.validity, found.kind) == ("invalid", "below-zero")
    assert found.sentence == "B gave 1 back to stock when 0 of 3 were taken"


def test_conservation_what_is_given_back_may_be_taken_again() -> None:
    story = sold("A", "B", "A").effect(100, "A", -1).effect(101, "B")
    assert verdict_of(story).validity == "valid"


def test_conservation_follows_the_resources_own_order() -> None:
    story = Story(STOCK).trial(0, 100).acquire("A", 0, 1).acquire("B", 2, 3)
    rows = [(3, 30, -2.0, "A"), (1, 10, 2.0, "A"), (2, 50, 1.0, "B"), (4, 20, 2.0, "B")]
    story.add(*(Effect(t=t, seq=seq, resource="stock", amount=amount, client=who) for seq, t, amount, who in rows))
    assert verdict_of(story).validity == "valid"


def test_conservation_counts_as_written_not_as_floats() -> None:
    story = Story(Spec(budgets={"packet": 0.3})).trial(0, 100).acquire("A", 0, 1)
    for t, client in ((2, "A"), (3, "B"), (4, "A")):
        story.effect(t, client, 0.1, "packet")
    found = verdict_of(story)
    assert 0.1 + 0.1 + 0.1 > 0.3
    assert (found.validity, found.figures["taken"], found.figures["over_by"]) == ("valid", 0.3, 0)
    found = verdict_of(story.effect(5, "B", 1e-9, "packet"))
    assert (found.validity, found.figures["over_by"]) == ("invalid", 1e-9)


@pytest.mark.parametrize(
    ("story", "why"),
    [
        (sold("A", "A", "A"), "only one client took from stock"),
        (
            sold("A", "B", spec=Spec(budgets={"stock": 4})),
            "stock never ran short (2 of 4 taken from stock in 2 effects)",
        ),
        (Story(STOCK).hold("A", 0, 1, until=5), "nothing was ever taken from stock"),
        (Story(STOCK), "nothing was ever taken from stock"),
    ],
    ids=["one-client", "never-short", "no-effects", "no-calls"],
)
def test_conservation_a_trial_that_shows_nothing(story: Story, why: str) -> None:
    found = verdict_of(story)
    assert (found.validity, found.reason) == ("unknown", f"vacuous: {why}")


def test_conservation_a_fresh_identity_is_the_same_client() -> None:
    assert verdict_of(sold("c1", "c1.2", "c1.3")).validity == "unknown"


def test_conservation_one_client_alone_may_break_it() -> None:
    assert verdict_of(sold("A", "A", "A", "A")).validity == "invalid"


def test_conservation_is_judged_only_where_budgets_are_named() -> None:
    assert judged(sold("A", "B", spec=Spec()), PROPERTY) is None
    assert verdict_of(sold("A", "B", "A").effect(50, "A", 99, "other")).validity == "valid"


def test_conservation_is_judged_once_for_all_locks_of_a_resource() -> None:
    story = Story(Spec(budgets={"stock": 3, "packet": 1, "unused": 1})).trial(0, 1000)
    for number, lock in enumerate(["one", "two", "three"]):
        story.lock = lock
        start = 10 * number
        story.hold(f"c{number}", start, start + 1, until=start + 5)
        if lock != "one":
            story.effect(start + 2, f"c{number}", 2)
        if lock == "three":
            story.effect(start + 3, f"c{number}", 1, "packet")
    found = [verdict for verdict in check(story.history()) if verdict.property == PROPERTY]
    assert [(v.lock, v.validity) for v in found] == [("one", "unknown"), ("two", "invalid"), ("three", "unknown")]
    assert found[0].reason == "vacuous: nothing was ever taken from unused"
    assert found[2].reason == "vacuous: only one client took from packet"
    assert [event.who for event in found[1].witness if event.row == "call"] == ["c2"]


def test_conservation_of_effects_that_name_no_lock() -> None:
    story = sold("A", "B")
    story.add(*(Effect(t=60, seq=seq, resource="stock") for seq in (7, 8)))
    found = verdict_of(story)
    assert found.validity == "invalid"
    assert found.sentence.startswith("somebody took 1 from stock")


amounts = st.lists(st.integers(-30, 40).map(lambda tenths: tenths / 10), min_size=1, max_size=12)


@given(amounts, st.integers(0, 80).map(lambda tenths: tenths / 10))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_conservation_agrees_with_counting_tenths(amounts: list[float], budget: float) -> None:
    story = Story(Spec(budgets={"stock": budget})).trial(0, 100).acquire("A", 0, 1)
    for number, amount in enumerate(amounts):
        story.effect(2 + number, "AB"[number % 2], amount)
    sums = list(accumulate(round(10 * amount) for amount in amounts))
    wrong = [at for at, taken in enumerate(sums) if not 0 <= taken <= round(10 * budget)]
    found = verdict_of(story)
    assert (found.validity == "invalid") == bool(wrong)
    assert found.figures["effects_over"] == len(wrong)
    if wrong:
        assert next(event.at_ms for event in reversed(found.witness) if event.row == "effect") == 2 + wrong[0]
