"""Counting overtakes agrees with comparing every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import overtakes
from checker.overtakes import in_lanes, nested
from checker.record import read_record
from histories.build import Story
from histories.spec import Spec

Attempt = tuple[int, int]

stretches = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 8)), min_size=1, max_size=40).map(
    lambda pairs: [(start, start + length) for start, length in pairs]
)
lanes = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=8), min_size=1, max_size=5
)  # per lane: (pause, length) one after the other


def columns(pairs: list[Attempt]) -> tuple[np.ndarray, np.ndarray]:
    inv, ret = np.array(pairs, np.int64).T
    return inv, ret


@given(stretches, stretches)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_nested_counts_what_lies_within(attempts: list[Attempt], questions: list[Attempt]) -> None:
    inv, ret = columns(attempts)
    since, until = columns(questions)
    expected = [sum(a <= inv_ and ret_ < b for inv_, ret_ in attempts) for a, b in questions]
    assert nested(inv, ret, since, until).tolist() == expected


def laid_out(gaps: list[list[Attempt]]) -> list[tuple[int, int, int]]:
    """(inv, ret, lane) in order of (ret, inv)."""
    found = []
    for lane, steps in enumerate(gaps):
        t = 0
        for pause, length in steps:
            found.append((t + pause, t + pause + length, lane))
            t += pause + length
    return sorted(found, key=lambda attempt: (attempt[1], attempt[0]))


@given(lanes)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_lanes_count_who_called_later_and_came_back_earlier(gaps: list[list[Attempt]]) -> None:
    attempts = laid_out(gaps)
    inv, ret, lane = np.array(attempts, np.int64).T
    expected = [sum(a > inv_ and b < ret_ for a, b, _ in attempts) for inv_, ret_, _ in attempts]
    counts = in_lanes(inv, ret, lane)
    assert counts is not None
    assert counts.tolist() == expected


@pytest.mark.parametrize("attempts", [[(1, 3, 0), (0, 5, 0)], [(1, 4, 0), (0, 4, 1)], [(1, 4, 0), (0, 3, 1)]])
def test_lanes_that_overlap_or_are_out_of_order_are_not_counted_so(attempts: list[tuple[int, int, int]]) -> None:
    inv, ret, lane = np.array(attempts, np.int64).T
    assert in_lanes(inv, ret, lane) is None


holders = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from(["one", "two"]), st.integers(0, 30), st.integers(0, 20)),
    min_size=1,
    max_size=30,
)


@pytest.mark.parametrize("most_lanes", [256, 0])
@given(holders)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_overtaken_holds_of_many_locks(most_lanes: int, drawn: list[tuple[str, str, int, int]]) -> None:
    """Locks do not mix, whichever way is taken; clients overlap with themselves, as foreign histories may."""
    story = Story(Spec()).trial(0, 1000)
    for number, (client, lock, start, length) in enumerate(drawn):
        story.lock = lock
        name = f"{client}{number}" if number % 3 else client
        story.acquire(name, start, start + length)
        story.release(name, start + length, start + length)
    record = read_record(story.history())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overtakes, "MOST_LANES", most_lanes)
        counts = overtakes.overtaken(record.holds, record.calls, record.process).tolist()
    inv, ret = record.calls.inv[record.holds.acquire].tolist(), record.holds.entered.tolist()
    lock = record.holds.lock.tolist()
    everybody = list(zip(inv, ret, lock, strict=True))
    assert counts == [sum(a > inv_ and b < ret_ and c == on for a, b, c in everybody) for inv_, ret_, on in everybody]


def test_no_holds_no_overtakes() -> None:
    assert len(read_record(Story().history()).overtaken) == 0
