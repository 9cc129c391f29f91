"""Waiting times: quantiles over all, outside faults, and in each fault's window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import latency
from checker.case import cases
from checker.fairness import jain_index
from checker.verdict import Figure
from histories.build import Story
from histories.spec import Spec


def figures_of(story: Story) -> dict[str, Figure]:
    (case,) = cases(story.history())
    return latency.of_case(case)


def test_waiting_of_granted_acquires() -> None:
    story = Story(Spec()).trial(0, 1000)
    for number in range(11):
        story.hold("A", 20 * number, 20 * number + number, until=20 * number + 15)
    story.acquire("B", 500, 900, "fail").acquire("B", 901, 990, "info").acquire("C", 1, None)
    assert figures_of(story) == {
        "waiting_median_ms": 5.0, "waiting_p90_ms": 9.0, "waiting_p99_ms": 9.9, "waiting_max_ms": 10.0,
    }  # fmt: skip


def test_nobody_granted_no_waiting() -> None:
    assert figures_of(Story(Spec()).acquire("A", 1, 2, "fail").fault("flush", 0, 9, "n")) == {}


def test_waiting_by_fault() -> None:
    story = Story(Spec()).trial(0, 1000).fault("one", 100, 200, "n", proven=150).fault("two", 190, None, "n")
    story.hold("A", 0, 1, until=2).hold("A", 98, 99, until=99.5).hold("A", 99.6, 102, until=103)
    story.hold("A", 195, 198, until=199).hold("A", 300, 305, until=306)
    figures = figures_of(story)
    assert {key: value for key, value in figures.items() if "max" in key} == {
        "waiting_max_ms": 5.0, "waiting_max_ms_quiet": 1.0, "waiting_max_ms_f1": 3.0, "waiting_max_ms_f2": 5.0,
    }  # fmt: skip
    assert figures["waiting_median_ms_f1"] == 2.7


waits = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20)), min_size=1, max_size=20)
faults = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 50)), min_size=1, max_size=4)


@given(waits, faults)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_quantiles_agree_with_numpys(drawn: list[tuple[int, int]], windows: list[tuple[int, int]]) -> None:
    story, t, made = Story(Spec()).trial(0, 2000), 0, []
    for pause, length in drawn:
        made.append((t + pause, t + pause + length))
        story.hold("A", t + pause, t + pause + length, until=t + pause + length, released=t + pause + length)
        t += pause + length
    windows = sorted(windows)
    for start, length in windows:
        story.fault("kill-node", start, start + length, "n")
    spans = [(start, start + length) for start, length in windows]
    groups = {"": made}
    groups["_quiet"] = [(a, b) for a, b in made if not any(s <= b and a <= e for s, e in spans)]
    groups |= {f"_f{n}": [(a, b) for a, b in made if s <= b and a <= e] for n, (s, e) in enumerate(spans, 1)}
    figures = figures_of(story)
    assert len(figures) == 4 * sum(bool(group) for group in groups.values())
    for suffix, group in groups.items():
        for name, share in (("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1)):
            if group:
                expected = np.quantile([b - a for a, b in group], share)
                assert figures[f"waiting_{name}_ms{suffix}"] == pytest.approx(expected, abs=0.001)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_jains_index(grants: list[int]) -> None:
    some = np.array([count for count in grants if count], np.int64)
    expected = sum(grants) ** 2 / (len(grants) * sum(count**2 for count in grants))
    assert jain_index(some, len(grants)) == pytest.approx(expected, abs=0.0001)
