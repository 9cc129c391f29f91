"""Who held the key and why it ended, from notifications and readings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories.vocabulary import EndReason
from nuclei.clusters.observers.holdings import Change, Holdings, Notice


def notices(*events: str) -> list[Notice]:
    return [Notice(10 + i, event) for i, event in enumerate(events)]


def told(changes: list[Change]) -> list[tuple[str, str | None, str | None]]:
    return [(change.event, change.owner, change.reason) for change in changes]


def held(owner: str | None) -> Holdings:
    holdings = Holdings()
    holdings.owner = owner
    return holdings


@pytest.mark.parametrize(
    ("before", "events", "after", "expected"),
    [
        (None, [], None, []),
        (None, ["set", "expire"], "A", [("began", "A", None)]),
        ("A", ["expire"], "A", []),
        ("A", ["set"], "A", []),
        ("A", ["del"], None, [("ended", "A", "deleted")]),
        ("A", ["expired"], None, [("ended", "A", "expired")]),
        ("A", ["evicted"], None, [("ended", "A", "evicted")]),
        ("A", ["del", "set", "expire"], "B", [("ended", "A", "deleted"), ("began", "B", None)]),
        ("A", ["set"], "B", [("ended", "A", "replaced"), ("began", "B", None)]),
        (None, ["set", "del"], None, [("began", None, None), ("ended", None, "deleted")]),
        (
            "A",
            ["expired", "set", "del", "set"],
            "C",
            [
                ("ended", "A", "expired"),
                ("began", None, None),
                ("ended", None, "deleted"),
                ("began", "C", None),
            ],
        ),
        (None, ["hincrby", "pexpire"], "A", [("began", "A", None)]),
        ("A", ["hincrby", "expire", "hincrby"], "A", []),
        ("A", ["hincrby", "hincrby", "del", "hincrby"], "B", [("ended", "A", "deleted"), ("began", "B", None)]),
        (
            None,
            ["hincrby", "expired", "hincrby"],
            "B",
            [("began", None, None), ("ended", None, "expired"), ("began", "B", None)],
        ),
        (None, [], "A", [("began", "A", None)]),
        ("A", [], None, [("ended", "A", "flushed")]),
        ("A", [], "B", [("ended", "A", "flushed"), ("began", "B", None)]),
    ],
)
def test_notices_and_a_reading_give_changes(
    before: str | None, events: list[str], after: str | None, expected: list[tuple[str, str | None, str | None]]
) -> None:
    holdings = held(before)
    assert told(holdings.fold(notices(*events), after, 99, "flushed")) == expected
    assert holdings.owner == after


def test_an_unexplained_change_of_value_is_a_replacement() -> None:
    assert told(held("A").fold([], "B", 99, "unknown"))[0] == ("ended", "A", "replaced")


def test_times_are_those_of_the_notices_where_there_are_any() -> None:
    changes = held("A").fold([Notice(5, "del"), Notice(7, "set")], "B", 99, "unknown")
    assert [change.t for change in changes] == [5, 7]
    assert [change.t for change in held("A").fold([], None, 99, "unknown")] == [99]


@settings(deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["set", "hincrby", "del", "expired", "expire", "evicted"]), max_size=6),
            st.none() | st.sampled_from("ABC"),
        )
    ),
    st.sampled_from(["unknown", "restart", "resync"]),
)
def test_beginnings_and_ends_always_alternate(rounds: list[tuple[list[str], str | None]], otherwise: EndReason) -> None:
    holdings, t, owner = Holdings(), 0, None
    expected = "began"
    for events, value in rounds:
        now = [Notice(t + i, event) for i, event in enumerate(events)]
        t += len(events) + 1
        for change in holdings.fold(now, value, t, otherwise):
            assert change.event == expected
            assert change.event == "began" or change.owner == owner
            assert (change.reason is not None) == (change.event == "ended")
            owner = change.owner
            expected = "ended" if expected == "began" else "began"
        assert holdings.owner == value
        assert (expected == "ended") == (value is not None)
