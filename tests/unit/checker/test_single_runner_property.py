"""A job is run by one client at a time; runs nobody saw end last to their client's kill or the end of the trial."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import check
from checker.verdict import Verdict
from histories.build import Story
from tests.unit.checker.judging import judged

PROPERTY = "single-runner"


def verdict_of(story: Story) -> Verdict:
    found = judged(story, PROPERTY)
    assert found is not None
    return found


def test_runner_says_who_ran_it() -> None:
    story = Story().trial(0, 100).run("A", 1, 5).run("B", 5, 9).run("A", 20, 30)
    found = verdict_of(story)
    assert (found.validity, found.reason) == ("valid", "3 runs of job by 2 clients")
    assert found.figures == {"jobs": 1, "runs": 3, "overlapping_runs": 0, "max_run_overlap_ms": 0.0}


def test_runner_shows_the_two_runs_that_shared_most() -> None:
    story = Story().trial(0, 1000).acquire("A", 0, 1).acquire("B", 0, 40)
    story.run("A", 10, 100, run="first").run("B", 50, 90, run="second").run("C", 95, 300, run="third")
    found = verdict_of(story.fault("pause-client", 20, 80, "A").paused("A", 20, 80))
    assert (found.validity, found.kind) == ("invalid", "two-runners")
    assert found.sentence == "job was run by A and B at the same time, for 40 ms"
    assert (found.figures["overlapping_runs"], found.figures["max_run_overlap_ms"]) == (2, 40.0)
    said = [(event.at_ms, event.who, event.what) for event in found.witness if event.row != "fault"]
    assert said == [
        (10.0, "A", "begins run first of job"),
        (20.0, "A", "is paused"),
        (50.0, "B", "begins run second of job"),
        (80.0, "A", "is resumed"),
        (90.0, "B", "has ended run second of job"),
        (100.0, "A", "has ended run first of job"),
    ]
    assert [fault.name for fault in found.faults] == ["pause-client"]
    assert {event.attempt for event in found.witness if event.row == "job"} == {"A-1", "B-1"}


@pytest.mark.parametrize(
    ("killed", "validity", "until"), [(40, "valid", 0.0), (60, "invalid", 10.0), (None, "invalid", 20.0)]
)
def test_runner_a_run_nobody_saw_end(killed: int | None, validity: str, until: float) -> None:
    story = Story().trial(0, 100).run("c1.2", 10, None).run("B", 50, 70)
    if killed is not None:
        story.client("c1", killed, "killed")
    found = verdict_of(story)
    assert (found.validity, found.figures["max_run_overlap_ms"]) == (validity, until)


def test_runner_a_run_still_under_way_at_the_end() -> None:
    found = verdict_of(Story().trial(0, 100).run("A", 10, None).run("B", 90, None))
    assert (found.validity, found.figures["max_run_overlap_ms"]) == ("invalid", 10.0)
    assert found.witness[-1].what.startswith("is still running at the end")


def test_runner_one_client_may_not_run_it_twice_either() -> None:
    found = verdict_of(Story().trial(0, 100).run("A", 10, 20).run("A", 15, 30))
    assert (found.validity, found.sentence) == ("invalid", "job was run by A twice at the same time, for 5 ms")


def test_runner_different_jobs_may_run_together() -> None:
    story = Story().trial(0, 100).run("A", 10, 20, "backup").run("B", 15, 30, "mail").run("B", 40, 50, "backup")
    assert verdict_of(story).reason == "2 runs of backup by 2 clients"


@pytest.mark.parametrize("outcome", ["fail", "ok", "info"])
def test_runner_a_job_that_ran_once_while_others_asked(outcome: str) -> None:
    story = Story().trial(0, 100).acquire("A", 0, 1).run("A", 10, 20)
    found = verdict_of(story.acquire("B", 15, 40, outcome).acquire("C", 21, 40, "fail"))  # type: ignore[arg-type]
    assert found.validity == "valid"
    assert found.reason == "1 runs of job by one client, while 1 others asked for the lock"


def test_runner_a_trial_that_shows_nothing() -> None:
    story = Story().trial(0, 100).acquire("c1", 0, 1).run("c1", 10, 20).acquire("c1.2", 15, 16, "fail")
    found = verdict_of(story.acquire("B", 21, 22).read("B", 12, 13, 1))
    assert (found.validity, found.reason) == ("unknown", "vacuous: nobody else ran or asked to run job")
    assert verdict_of(story.run("c1.2", 30, 40)).validity == "unknown"
    story.lock = "another"
    assert verdict_of(story.acquire("C", 12, 13)).validity == "unknown"


def test_runner_needs_runs() -> None:
    assert judged(Story(), PROPERTY) is None
    begun_unseen = Story().run("A", 1, 5)
    begun_unseen.rows = begun_unseen.rows[1:]
    assert judged(begun_unseen, PROPERTY) is None


def test_runner_a_beginning_told_twice_is_one_run() -> None:
    story = Story().trial(0, 100).run("A", 10, None, run="one").run("A", 15, 30, run="one").run("B", 40, 50)
    found = verdict_of(story)
    assert (found.validity, found.figures["runs"]) == ("valid", 2)
    assert verdict_of(story.run("B", 12, 14)).validity == "invalid"


def test_runner_is_judged_once_for_all_locks_of_a_job() -> None:
    story = Story().trial(0, 100)
    for number, lock in enumerate(["one", "two", "three"]):
        story.lock = lock
        story.hold(f"c{number}", 10 * number, 10 * number + 1, until=10 * number + 5)
        if lock != "one":
            story.run(f"c{number}", 10 * number + 2, 40)
    found = [verdict for verdict in check(story.history()) if verdict.property == PROPERTY]
    assert [(verdict.lock, verdict.validity) for verdict in found] == [("two", "invalid")]


runs = st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 30), st.integers(1, 12)), min_size=1, max_size=8)


@given(runs)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_runner_agrees_with_comparing_every_pair(drawn: list[tuple[str, int, int]]) -> None:
    story = Story().trial(0, 100)
    for client, start, length in drawn:
        story.run(client, start, start + length)
    spans = [(start, start + length) for _, start, length in drawn]
    shared = [min(b, d) - max(a, c) for (a, b), (c, d) in combinations(spans, 2)]
    found = verdict_of(story)
    assert (found.validity == "invalid") == (max(shared, default=0) > 0)
    assert found.figures["max_run_overlap_ms"] == max(0, *shared, 0)
