"""Inside: from the outermost acquire's return until release call, leave row, kill or end, whichever comes first."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from checker import check
from checker.case import Case, cases
from checker.holds import Hold
from histories.build import MS, Story
from histories.spec import Spec
from tests.unit.checker.stories import LEASE, killed_holder_with_lease


def only_case(story: Story) -> Case:
    (case,) = cases(story.history())
    return case


def spans(story: Story) -> list[tuple[str, float, float, str]]:
    return [(hold.client, hold.entered / MS, hold.left / MS, hold.why_left) for hold in only_case(story).all_holds()]


def exclusion(story: Story) -> str:
    return next(verdict.validity for verdict in check(story.history(), ["mutual-exclusion"]))


def test_the_release_call_ends_it_whatever_came_of_the_call() -> None:
    for outcome in ("ok", "fail", "info"):
        story = Story().trial(0, 100).acquire("A", 0, 1).release("A", 10, 30, outcome)  # type: ignore[arg-type]
        assert spans(story) == [("A", 1, 10, "released")]
    assert spans(Story().trial(0, 100).acquire("A", 0, 1).release("A", 10, None)) == [("A", 1, 10, "released")]


def test_a_leave_row_ends_it_and_a_later_release_belongs_to_the_same_hold() -> None:
    story = Story().trial(0, 100).acquire("A", 0, 1).told("A", 5).leave("A", 7).release("A", 20, 21)
    assert spans(story) == [("A", 1, 7, "told")]
    (hold,) = only_case(story).all_holds()
    assert [call.inv / MS for call in hold.releases] == [20]
    assert len(hold.told) == 1


def test_knowing_is_not_leaving() -> None:
    assert spans(Story().trial(0, 100).acquire("A", 0, 1).told("A", 5).release("A", 50, 51)) == [
        ("A", 1, 50, "released")
    ]


def test_a_kill_ends_it_and_so_does_the_end_of_the_trial() -> None:
    story = Story().trial(0, 100).acquire("A", 0, 1).client("A", 30, "killed").acquire("B", 0, 2)
    assert spans(story) == [("A", 1, 30, "killed"), ("B", 2, 100, "end")]


def test_a_kill_of_the_process_ends_every_identity_that_lives_in_it() -> None:
    """c1.2 follows c1 in the same process; rows tie them by pid, or by name."""
    story = Story().trial(0, 100).client("c1", 0, "started", 77).client("other", 2, "started", 77)
    story.acquire("other", 3, 4).client("c1", 30, "killed", 77)
    assert spans(story) == [("other", 4, 30, "killed")]
    named = Story().trial(0, 100).acquire("c1.2", 3, 4).client("c1", 30, "killed")
    assert spans(named) == [("c1.2", 4, 30, "killed")]


def test_two_identities_of_one_process_are_not_two_clients() -> None:
    story = Story(LEASE).trial(0, 100).acquire("c1", 0, 1).acquire("c1.2", 10, 11).release("c1.2", 20, 21)
    assert exclusion(story) == "unknown"


def test_inside_lasts_from_the_outermost_acquire_to_the_outermost_release() -> None:
    story = Story(Spec(reentry_limit=2)).trial(0, 100)
    story.acquire("A", 0, 1).acquire("A", 2, 3, depth=2).release("A", 10, 11).release("A", 20, 21)
    assert spans(story) == [("A", 1, 20, "released")]


def test_a_grant_that_was_refused_or_is_unknown_lets_nobody_in() -> None:
    story = Story().trial(0, 100).acquire("A", 0, 1, "fail").acquire("B", 2, 3, "info").acquire("C", 4, None)
    assert spans(story) == []


def test_touching_insides_do_not_overlap() -> None:
    """B's acquire returns at the very nanosecond at which A calls release."""
    assert exclusion(Story().hold("A", 0, 1, until=10).hold("B", 2, 10, until=20)) == "valid"
    assert exclusion(Story().hold("A", 0, 1, until=10).hold("B", 2, 9.999999, until=20)) == "invalid"


def test_a_holder_killed_under_a_lease_is_no_violation() -> None:
    """CHECKERS §1: its hold ends at the kill; the next one is let in when the lease has lapsed."""
    verdicts = {verdict.property: verdict.validity for verdict in check(killed_holder_with_lease().history())}
    assert set(verdicts.values()) == {"valid"}


def test_a_long_hold_is_compared_with_all_that_follow_not_with_its_neighbour() -> None:
    story = Story().hold("A", 0, 1, until=100).hold("B", 2, 10, until=20).hold("C", 3, 50, until=60)
    case = only_case(story)
    assert case.meetings.pairs.sum() == 2
    assert {(one.first.client, one.second.client) for one in case.overlaps()} == {("A", "B"), ("A", "C")}


@given(st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(0, 30), st.integers(0, 12)), max_size=12))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_sweep_counts_what_comparing_all_pairs_counts(entries: list[tuple[str, int, int]]) -> None:
    story = Story()
    busy: dict[str, int] = {}
    for client, start, length in sorted(entries, key=lambda entry: entry[1]):
        begin = max(start, busy.get(client, 0))
        story.hold(client, begin, begin + 1, until=begin + 1 + length)
        busy[client] = begin + length + 3
    case = only_case(story)
    holds = list(case.all_holds())
    lengths = [
        min(a.left, b.left) - max(a.entered, b.entered) for a, b in combinations(holds, 2) if a.client != b.client
    ]
    together = [length for length in lengths if length > 0]
    assert case.meetings.pairs.sum() == len(together)
    assert max((one.length for one in case.overlaps()), default=0) == max(together, default=0)
    figures = next(verdict.figures for verdict in check(story.history(), ["mutual-exclusion"]))
    assert figures["overlapped_ms"] == pytest.approx(shared_ms(holds), abs=0.001)


def shared_ms(holds: list[Hold]) -> float:
    """By the millisecond: stories have no finer times."""
    ticks = range(max((hold.left for hold in holds), default=0) // MS + 1)
    return sum(len({hold.client for hold in holds if hold.entered <= t * MS < hold.left}) > 1 for t in ticks)


@pytest.mark.parametrize("inv", [0, 5])
def test_locks_are_judged_one_by_one(inv: int) -> None:
    first, second = Story(lock="one").hold("A", 0, 1, until=10), Story(lock="two").hold("B", inv, inv + 1, until=9)
    for number, row in enumerate(second.rows):
        first.add(row)
        assert number < 4
    verdicts = [v for v in check(first.history()) if v.property == "mutual-exclusion"]
    assert [(verdict.lock, verdict.figures["overlaps"]) for verdict in verdicts] == [("one", 0), ("two", 0)]


def test_locks_whose_times_lie_far_apart_do_not_meet_each_other() -> None:
    """Their stretches on one line would not fit in 63 bits; only the order of times matters."""
    story, far = Story(lock="0"), (1 << 60) / MS
    for number in range(8):
        lock = Story(lock=str(number)).hold("A", 0, 1, until=2).hold("B", far, far + 1, until=far + 2)
        story.add(*(replace(row, client=f"{row.client}{number}") for row in lock.rows))
    verdicts = [verdict for verdict in check(story.history()) if verdict.property == "mutual-exclusion"]
    assert [(verdict.lock, verdict.validity) for verdict in verdicts] == [(str(n), "valid") for n in range(8)]
