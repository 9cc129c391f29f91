"""Nobody is kept out by its own key for longer than a lease lasts."""

from __future__ import annotations

import pytest

from histories.build import Story
from histories.rows import Server
from histories.spec import Spec
from tests.unit.checker.judging import judged, validity
from tests.unit.checker.stories import FOREVER, LEASE, SESSION


def lost_reply(spec: Spec, refused_until: float) -> Story:
    """A's acquire took effect but its reply was lost; A's successor asks again and is refused by A's own key."""
    story = Story(spec).trial(0, 99_000).role(0, "redis-1", "primary").hold("B", 0, 2, until=5, owner="b")
    story.acquire("A", 10, 510, "info", owner="a").began(12, "redis-1", "a").client("A", 600, "retired")
    return story.acquire("A.2", 700, refused_until, "fail", owner="a2")


def test_self_block_where_nothing_lapses() -> None:
    verdict = judged(lost_reply(FOREVER, 2700), "self-block")
    assert verdict is not None
    assert (verdict.validity, verdict.kind) == ("invalid", "self-block")
    assert "A-1" in verdict.sentence


def test_self_block_within_a_lease_ends_by_itself() -> None:
    story = lost_reply(LEASE, 1500).ended(2012, "redis-1", "a", "expired")
    verdict = judged(story, "self-block")
    assert verdict is not None
    assert verdict.validity == "valid"
    assert verdict.figures["self_blocked"] == 1


def test_self_block_beyond_the_lease_is_one() -> None:
    story = lost_reply(LEASE, 1900).acquire("A.2", 9000, 9500, "fail", owner="a3")
    assert validity(story, "self-block") == ("invalid", "self-block")


def test_self_block_is_not_guessed_where_values_name_nobody() -> None:
    story = lost_reply(FOREVER, 2700)
    story.rows = [row for row in story.rows if not isinstance(row, Server)]
    assert validity(story, "self-block") is None


@pytest.mark.parametrize(
    ("roles", "judged_as"),
    [
        ([], "invalid"),
        ([(5000, "zk-1", "looking"), (5200, "zk-2", "leader")], "valid"),
        ([(400, "zk-1", "looking")], "valid"),
    ],
    ids=["one leader all the time", "a new leader counts anew", "nobody leads, nobody counts"],
)
def test_a_sessions_time_is_counted_by_one_leader(roles: list[tuple[float, str, str]], judged_as: str) -> None:
    story = Story(SESSION).trial(0, 99_000).role(0, "zk-1", "leader").role(0, "zk-2", "follower")
    story.hold("B", 0, 2, until=5, owner="b").acquire("A", 10, 510, "info", owner="a")
    story.began(12, "zk-2", "a", session="s").client("A", 600, "retired")
    for t, node, role in roles:
        story.role(t, node, role)
    verdict = judged(story.acquire("A.2", 9000, 9500, "fail", owner="a2"), "self-block")
    assert verdict is not None
    assert verdict.validity == judged_as
