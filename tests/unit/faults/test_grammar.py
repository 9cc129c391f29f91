"""The text forms of faults, triggers, settings and durations."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faults.grammar import BadArgument, assignment, duration, parse, scalar
from faults.schedule import read_fault


@pytest.mark.parametrize(
    ("text", "seconds"), [("6s", 6.0), ("500ms", 0.5), ("2m", 120.0), ("1.5", 1.5), ("2x", 8.0), ("0.5x", 2.0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text, lapse=4.0) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1h", "x", "1 s 2"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(BadArgument, match="no duration"):
        duration(text)


def test_a_relative_duration_needs_a_lease_or_session() -> None:
    with pytest.raises(BadArgument, match="neither lease nor session"):
        duration("2x", None)


def test_a_fault_with_trigger_and_parameters() -> None:
    spec = read_fault("pause-client:for=6s,client=c2,at=before-release")
    assert (spec.name, spec.params, spec.trigger.point, spec.trigger.client) == (
        "pause-client",
        {"for": "6s"},
        "before-release",
        "c2",
    )


def test_a_fault_triggers_on_the_first_grant_unless_told_otherwise() -> None:
    assert read_fault("kill-node").trigger.point == "granted"
    timed = read_fault("kill-node:at=1.5s").trigger
    assert (timed.point, timed.after) == (None, 1.5)


@pytest.mark.parametrize("text", ["", "Kill", "kill node", "kill:for", "kill:=3", "kill:for=", "kill:at=noon"])
def test_what_is_no_fault(text: str) -> None:
    with pytest.raises(BadArgument):
        read_fault(text)


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=40))
def test_any_text_is_a_fault_or_a_bad_argument(text: str) -> None:
    try:
        name, params = parse(text)
    except BadArgument:
        return
    assert name
    assert all(params.values())


@pytest.mark.parametrize("text", ["kill-node", "kill-node:for=3s,target=leader", "pause-client:at=2s,client=c1"])
def test_the_text_of_a_fault_reads_back_the_same(text: str) -> None:
    assert read_fault(read_fault(text).text()) == read_fault(text)


def test_values_become_numbers_seconds_and_booleans() -> None:
    assert [scalar(text) for text in ("500ms", "off", "3", "-1", "redis:7.2")] == [0.5, False, 3, -1, "redis:7.2"]


def test_an_assignment_names_a_group_and_a_setting() -> None:
    assert assignment("lock.ttl=500ms") == ("lock.ttl", "500ms")
    assert assignment("cluster.redis_conf=a=b") == ("cluster.redis_conf", "a=b")
    for bad in ("ttl=2", "lock.=2", "lock.ttl", ".ttl=2"):
        with pytest.raises(BadArgument, match="no setting"):
            assignment(bad)
