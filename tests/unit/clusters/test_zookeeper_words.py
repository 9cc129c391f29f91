"""What ZooKeeper's four-letter words say, as printed by 3.9.3, and why a child is gone."""

from __future__ import annotations

import pytest

from nuclei.clusters.four_letters import Answer, parse
from nuclei.clusters.observers.zookeeper_node import end_reason, owner_of
from nuclei.clusters.zookeeper import lock_root
from nuclei.locks.zk_session import ONE_NODE, lock_path

FOLLOWER = """\
srvr Zookeeper version: 3.9.3-abc, built on 2026-03-08 16:19 UTC
srvr Latency min/avg/max: 1/9.3333/19
srvr Zxid: 0x200000005
srvr Mode: follower
srvr Node count: 7
dump SessionTracker dump:
dump Global Sessions(2):
dump 0x1000037f5c80000\t4000ms
dump 0x2000037f40f0000\t4000ms
dump ephemeral nodes dump:
dump Sessions with Ephemerals (1):
dump 0x1000037f5c80000:
dump \t/lock/abc-0000000000
dump \t/lock/def-0000000001
dump Connections dump:
dump Connections Sets (1)/(2):
dump 2 expire at Sat Nov 21 12:13:34 UTC 2026:
dump \tip: /10.203.29.154:49334 sessionId: 0x0
mntr zk_synced_followers\t2""".splitlines()


def test_a_followers_words() -> None:
    answer = parse(FOLLOWER)
    assert (answer.mode, answer.epoch, answer.version, answer.synced) == ("follower", 2, "3.9.3", 2)
    assert answer.sessions == {"0x1000037f5c80000", "0x2000037f40f0000"}
    assert answer.ephemerals == {
        "/lock/abc-0000000000": "0x1000037f5c80000",
        "/lock/def-0000000001": "0x1000037f5c80000",
    }


def test_a_server_without_a_leader_is_looking() -> None:
    assert parse(["srvr This ZooKeeper instance is not currently serving requests"]).mode == "looking"
    assert parse([]).mode is None


@pytest.mark.parametrize(
    ("sessions", "restarted", "reason"),
    [
        ({"0x1"}, False, "deleted"),
        (set(), False, "session-end"),
        (set(), True, "session-end"),
        ({"0x1"}, True, "restart"),
    ],
)
def test_why_a_child_is_gone(sessions: set[str], restarted: bool, reason: str) -> None:
    now = Answer(mode="follower", sessions=frozenset(sessions))
    assert end_reason("0x1", Answer(), now, restarted=restarted) == reason


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/l/a1-0000000007", "a1"),
        ("/l/a-b-0000000007", "a-b"),
        ("/l/0000000007", None),
        ("/l/plain", "plain"),
        (f"/l/{ONE_NODE}", "0x1"),
        (f"/l/{ONE_NODE}-0000000007", ONE_NODE),
        ("/l/0d12ab34cd56ef7890ab121234567890", "0d12ab34cd56ef7890ab121234567890"),
        ("/l/0d12ab34cd56ef7890ab121234567890__rlock__0000000007", "0d12ab34cd56ef7890ab121234567890__rlock__"),
    ],
)
def test_the_owner_is_what_precedes_the_sequence_number_or_the_session_of_the_one_node(
    path: str, owner: str | None
) -> None:
    assert owner_of(path, "0x1") == owner


def test_cluster_and_lock_agree_on_where_a_lock_lives() -> None:
    for key in ("lock", "a/b", "/x/", "orders:1"):
        assert lock_root(key) == lock_path(key)
