"""Outages, availability, recovery times per fault; each by hand, and outages against looking at every millisecond."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import check
from checker.availability import GRACE_NS, outages
from checker.case import MS, cases
from checker.verdict import Figure
from histories.build import Story
from histories.spec import Spec
from tests.unit.checker.judging import judged

GRACE = GRACE_NS // MS


def spans(story: Story) -> list[tuple[int, int]]:
    """The outages of a story's only lock, ms since the trial began."""
    (case,) = cases(story.history())
    return [(begin // MS, end // MS) for begin, end in (outages(case) - case.start).tolist()]


def figures_of(story: Story) -> dict[str, Figure]:
    return next(verdict.figures for verdict in check(story.history()) if verdict.property == "mutual-exclusion")


def killed() -> Story:
    """A is killed inside at 1000; B waits from 1100 and gets the lock at 3000, when the lease has run out."""
    story = Story(Spec(lease_ns=2000 * MS)).trial(0, 10_000).acquire("A", 0, 2).client("A", 1000, "killed")
    return story.hold("B", 1100, 3000, until=9000)


def test_outage_lasts_from_the_first_who_asks_to_the_next_grant() -> None:
    assert spans(killed()) == [(1100, 3000)]
    figures = figures_of(killed())
    assert figures["availability_percent"] == 81.0
    assert (figures["outages"], figures["longest_outage_ms"]) == (1, 1900.0)


def test_outage_of_polls_that_come_back_empty() -> None:
    story = Story(Spec()).trial(0, 10_000)
    for t in range(1000, 3000, 200):
        story.acquire("B", t, t + 2, "fail", op="try")
    assert spans(story) == [(1000, 2802)]


def test_outage_ends_when_nobody_asks_any_more() -> None:
    story = Story(Spec()).trial(0, 10_000).acquire("B", 1000, 1002, "fail", op="try").acquire("B", 1300, 1400, "fail")
    assert spans(story) == []
    assert spans(story.acquire("C", 5000, 5600, "info").hold("C", 9000, 9001, until=9002)) == [(5000, 5600)]


def test_outage_who_was_granted_does_not_ask_while_inside_or_after() -> None:
    story = Story(Spec()).trial(0, 10_000).hold("A", 0, 1, until=10).hold("B", 200, 440, until=500)
    assert spans(story) == []
    assert spans(story.hold("A", 505, 756, until=800)) == [(505, 756)]


def test_outage_a_hand_over_is_none() -> None:
    story = Story(Spec()).trial(0, 1000).hold("A", 0, 1, until=100).acquire("B", 50, 100 + GRACE)
    assert spans(story) == []
    story = Story(Spec()).trial(0, 1000).hold("A", 0, 1, until=100).acquire("B", 50, 101 + GRACE)
    assert spans(story) == [(100, 101 + GRACE)]


def test_outage_who_never_came_back_asks_until_it_is_killed_or_the_trial_ends() -> None:
    story = Story(Spec()).trial(0, 5000).acquire("A", 1000, None)
    assert spans(story) == [(1000, 5000)]
    assert spans(story.client("A", 2000, "killed")) == [(1000, 2000)]


def test_outage_a_client_that_a_fault_singled_out_shows_nothing() -> None:
    story = Story(Spec()).trial(0, 5000).hold("A", 0, 1, until=10).acquire("B", 1000, 4000)
    assert spans(story) == [(1000, 4000)]
    assert spans(story.fault("pause-client", 1100, 3900, "B").release("B", 4500, 4501)) == []
    story.fault("isolate", 1100, 3900, "redis-1", "A")
    story.acquire("A", 2000, 3000, "fail")
    assert spans(story) == [(2000, 3000)]


def test_a_held_lock_is_available_whatever_its_holder_does() -> None:
    story = Story(Spec()).trial(0, 5000).acquire("A", 0, 1).fault("pause-client", 100, 4000, "A")
    assert figures_of(story.acquire("B", 10, 4900, "fail"))["availability_percent"] == 100.0


def test_a_lock_nobody_asked_for_has_no_availability() -> None:
    assert "availability_percent" not in figures_of(Story(Spec()).trial(0, 100).read("A", 1, 2, 3))
    assert "availability_percent" not in figures_of(Story(Spec()))


asked = st.lists(
    st.tuples(st.sampled_from("ABC"), st.integers(0, 20), st.integers(0, 12), st.sampled_from(["ok", "fail", "open"]),
              st.integers(0, 9)),
    max_size=9,
)  # fmt: skip


@given(asked)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_outages_agree_with_looking_at_every_moment(drawn: list[tuple[str, int, int, str, int]]) -> None:
    """Times in tens of ms; a moment lies half-way between two of them."""
    story, end = Story(Spec()).trial(0, 1000), 100
    free = dict.fromkeys("ABC", 0)
    made, inside = [], np.zeros(end, bool)
    for client, pause, length, outcome, held in drawn:
        inv = free[client] + pause
        ret, left = min(inv + length, end), min(inv + length + held, end)
        if inv >= end or free[client] > end:
            continue
        free[client] = left + 1 if outcome != "open" else end + 1
        made.append((inv, end if outcome == "open" else ret, outcome))
        if outcome == "ok":
            story.acquire(client, 10 * inv, 10 * ret).release(client, 10 * left, 10 * left)
            inside[ret:left] = True
        else:
            story.acquire(client, 10 * inv, None if outcome == "open" else 10 * ret, "fail")
    asking, step = np.zeros(end, bool), GRACE // 10
    for inv, ret, _ in made:
        asking[inv:ret] = True
    for _, ret, outcome in made:
        # Empty-handed, and the next attempt of anybody in time: it goes on asking until then.
        following = [later for later, _, _ in made if ret <= later <= ret + step]
        if outcome == "fail" and following:
            asking[ret : max(following)] = True
    expected = 0
    run = 0
    for moment in [*(asking & ~inside), False]:
        run, expected = (run + 1, expected) if moment else (0, expected + (run if run > step else 0))
    assert sum(b - a for a, b in spans(story)) == 10 * expected


def test_recovery_times_per_fault() -> None:
    story = killed().fault("kill-client", 990, 1000, "A", proven=1000).fault("kill-node", 9100, 9200, "n")
    figures = figures_of(story.fault("flush", 9500, None, "n", proven=9500).acquire("C", 9000, 9300))
    assert {key: value for key, value in figures.items() if key.startswith("recovery")} == {
        "recovery_ms_f1": 2000.0,
        "recovery_from_injection_ms_f1": 2000.0,
        "recovery_ms_f2": 100.0,
        "recovery_from_injection_ms_f2": 200.0,
        "recovery_from_injection_ms_f3": "never",
    }


def test_recovery_times_stand_with_the_verdict_on_recovery() -> None:
    story = Story(Spec(recovery_ns=4000 * MS)).trial(0, 9000).hold("A", 0, 1, until=10)
    story.fault("kill-node", 100, 1100, "n", proven=200).hold("B", 50, 1600, until=1700)
    found = judged(story, "recovery")
    assert found is not None
    assert found.figures == {
        "recovery_ms": 500.0, "recovery_ms_f1": 500.0, "recovery_from_injection_ms_f1": 1400.0,
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 30])
def test_figures_are_told_of_the_first_faults_only(count: int) -> None:
    story = Story(Spec()).trial(0, 9000).hold("A", 0, 1, until=8000)
    for number in range(count):
        story.fault("kill-node", 10 * number, 10 * number + 5, "n")
    figures = figures_of(story)
    assert sum(key.startswith("recovery_ms_") for key in figures) == min(count, 20)
