"""Rows of effects, jobs and wakes in any number and order break neither verdicts nor figures."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from checker import check
from checker.report.text import summary
from checker.resources import read_effects
from histories.build import Story
from histories.rows import Effect, Event, Job, Wake
from histories.spec import Spec
from tests.unit.checker.stories import CORPUS

times = st.integers(-5, 9_000).map(lambda ms: ms * 1_000_000)
clients = st.sampled_from(["c1", "c2", "c1.2", "nobody we know", ""])
locks = st.sampled_from(["lock", "another", ""])
attempts = st.sampled_from(["c1-1", "c2-1", "c2-2", "none", ""])
effects = st.builds(
    Effect, t=times, seq=st.integers(0, 9), resource=st.sampled_from(["stock", "packet"]), client=clients, lock=locks,
    attempt=attempts, amount=st.floats(-1e6, 1e6), request=st.sampled_from([None, "r1", "r2"]),
)  # fmt: skip
jobs = st.builds(
    Job, t=times, job=st.sampled_from(["job", "backup"]), run=st.sampled_from(["1", "2"]), client=clients, lock=locks,
    attempt=attempts, state=st.sampled_from(["began", "ended"]),
)  # fmt: skip
wakes = st.builds(Wake, t=times, client=clients, lock=locks, attempt=attempts, how=st.sampled_from(["", "watch"]))


@given(st.sampled_from(sorted(CORPUS)), st.lists(st.one_of(effects, jobs, wakes), max_size=8))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_such_rows_break_the_checker(name: str, rows: list[Event]) -> None:
    story = Story(Spec(budgets={"stock": 1.5}, most_overtakes=0, most_woken=0))
    story.rows = [*CORPUS[name][0]().rows, *rows]
    history = story.history()
    verdicts = check(history, ["mutual-exclusion", "conservation", "duplicates", "single-runner", "fairness", "herd"])
    assert not [verdict.reason for verdict in verdicts if "checker failed" in (verdict.reason or "")]
    assert summary(history, verdicts)


def test_a_resource_is_at_home_in_the_first_lock_that_is_known() -> None:
    named = [("x", "two"), ("x", "one"), ("y", "nowhere"), ("z", "two")]
    rows = [Effect(t=1, seq=number, resource=name, lock=lock) for number, (name, lock) in enumerate(named)]
    homes = read_effects(rows, {"zero": 0, "one": 1, "two": 2})
    assert {home: list(names) for home, names in homes.items()} == {1: ["x"], 0: ["y"], 2: ["z"]}
    assert [row.seq for row in homes[1]["x"]] == [0, 1]
