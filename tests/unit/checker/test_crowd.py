"""Locks that several may hold at once: what is no violation, how one is said, who is described, what is no chance."""

from __future__ import annotations

from typing import Any

import pytest

from checker import Verdict, check
from histories.build import MS, Story
from histories.spec import Spec

BOTH = Spec(read_write=True)
TWO = Spec(permits=2)
SESSION = Spec(permits=2, session_ns=2000 * MS)
READ: dict[str, Any] = {"mode": "shared"}


def exclusion(story: Story) -> Verdict:
    return check(story.history(), ["mutual-exclusion"])[0]


def in_turn(spec: Spec) -> Story:
    return Story(spec).trial(0, 9000)


# ---- read-write locks


def test_readers_together_are_no_violation() -> None:
    story = in_turn(BOTH).hold("c1", 0, 2, until=50, **READ).hold("c2", 5, 7, until=60, **READ)
    verdict = exclusion(story.hold("c3", 61, 62, until=70))
    assert (verdict.validity, verdict.figures["most_inside"]) == ("valid", 2)
    assert verdict.sentence.startswith("never a writer and anybody else inside lock: 3 holds by 3 clients")


def test_readers_alone_put_nothing_to_the_test() -> None:
    verdict = exclusion(in_turn(BOTH).hold("c1", 0, 2, until=50, **READ).hold("c2", 5, 7, until=60, **READ))
    assert verdict.validity == "unknown"
    assert "nobody ever held it to write" in (verdict.reason or "")


@pytest.mark.parametrize("mode", ["shared", "exclusive"])
def test_a_writer_and_somebody_else_are_told_by_what_they_did(mode: str) -> None:
    verdict = exclusion(in_turn(BOTH).hold("c1", 0, 2, until=50, mode=mode).hold("c2", 5, 7, until=60))
    doing = {"shared": "reading", "exclusive": "writing"}[mode]
    assert verdict.sentence.startswith(f"c1 ({doing}) and c2 (writing) were both inside lock for 43 ms")
    asked = [event.what for event in verdict.witness if event.what.startswith("calls acquire")]
    assert asked == [f"calls acquire to {'read' if mode == 'shared' else 'write'}", "calls acquire to write"]


# ---- semaphores


def test_as_many_as_there_are_permits_are_no_violation() -> None:
    story = in_turn(TWO).hold("c1", 0, 2, until=50).hold("c2", 5, 7, until=60).hold("c3", 20, 52, until=70)
    verdict = exclusion(story)
    assert (verdict.validity, verdict.figures["most_inside"]) == ("valid", 2)
    assert verdict.sentence.startswith("never more than 2 permits of lock in use: 3 holds by 3 clients")
    assert "lost_updates" not in verdict.figures


def test_permits_that_nobody_missed_put_nothing_to_the_test() -> None:
    verdict = exclusion(in_turn(TWO).hold("c1", 0, 2, until=50).hold("c2", 5, 7, until=60).hold("c3", 51, 52, until=70))
    assert verdict.validity == "unknown"
    assert "nobody ever asked for it while all 2 permits were in use" in (verdict.reason or "")


def test_one_permit_too_many_names_all_who_shared_them() -> None:
    story = in_turn(TWO).hold("c1", 0, 2, until=90).hold("c2", 5, 7, until=30).hold("c3", 8, 20, until=70)
    verdict = exclusion(story)
    assert verdict.sentence.startswith("c1, c2 and c3 were inside lock together, with 3 of 2 permits, for 10 ms")
    assert {event.who for event in verdict.witness} == {"c1", "c2", "c3"}
    assert (verdict.figures["max_overlap_ms"], verdict.figures["overlapped_ms"]) == (10.0, 10.0)


def test_of_very_many_a_few_are_named() -> None:
    story = in_turn(Spec(permits=8))
    for number in range(9):
        story.hold(f"c{number}", number, number + 1, until=50 + number)
    assert "c0, c1, c2, c3, c4 and 4 more were inside lock together, with 9 of 8 permits" in exclusion(story).sentence


def cut_off() -> Story:
    """c1's session ends while it stays; c2, which stays longest, keeps its own; c3 is given the permit of c1."""
    story = in_turn(SESSION).role(0, "zk-1", "leader")
    for client, inv, until in (("c1", 0, 5000), ("c2", 10, 6000), ("c3", 20, 4800)):
        granted = 3100 if client == "c3" else inv + 2
        story.hold(client, inv, granted, until=until, owner=client)
        story.began(granted + 100, "zk-1", client, key=f"/lock/{client}", session=f"s-{client}")
    story.ended(3050, "zk-1", "c1", "session-end", key="/lock/c1", session="s-c1")
    return story.ended(6100, "zk-1", "c2", "deleted", key="/lock/c2", session="s-c2")


def test_who_outlived_its_session_is_described_not_who_stayed_longest() -> None:
    verdict = exclusion(cut_off())
    assert (verdict.kind, verdict.cause) == ("overstay", "session-end")
    assert "zk-1 ended the session of c1" in verdict.sentence


def test_where_all_sessions_lived_on_it_was_a_double_grant() -> None:
    story = cut_off()
    story.rows = [row for row in story.rows if getattr(row, "reason", None) != "session-end"]
    assert exclusion(story).kind == "double-grant"
