"""redis-replica: the name clients know, and what the operator does with the nodes behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_stage import KEY, SITES, Stage, Watched, until

from nuclei.clusters.console import Console
from nuclei.clusters.probe import answers
from nuclei.clusters.redis_replica import NAME, RedisReplica
from nuclei.locks.base import Endpoint

FIRST, SECOND = "redis-1", "redis-2"


@pytest.fixture
def pair(started: Callable[[str], Stage], no_new_threads: None) -> Stage:
    """``redis-replica``, just reset."""
    stage = started("redis-replica")
    stage.cluster.reset(KEY)
    return stage


def console(stage: Stage, node: str) -> Console:
    assert isinstance(stage.cluster, RedisReplica)
    return stage.cluster.servers[node].console


def by_name(stage: Stage, site: str) -> Endpoint:
    """Where a client at ``site`` reaches the name; it is the one Redis server that it is told of."""
    told = stage.cluster.surroundings(site, {})
    assert told.nodes["redis"] == [NAME]
    return told.endpoints[NAME]


def reads(stage: Stage, site: str, value: str) -> bool:
    """Whether whoever the name leads ``site`` to holds ``value`` under the key."""
    return answers(by_name(stage, site), f"GET {KEY}\r\n".encode(), f"${len(value)}\r\n{value}\r\n".encode(), 1.0)


def test_ready_means_that_the_name_leads_to_a_primary_with_its_replica(pair: Stage) -> None:
    assert pair.cluster.ready() == "redis-1 with redis-2 after it, ledger answer, all say master"
    assert pair.cluster.roles() == {FIRST: "primary", SECOND: "replica", "ledger": "standalone"}
    until(lambda: pair.cluster.primary() == FIRST)
    until(lambda: pair.cluster.replicas(FIRST) == [SECOND])
    console(pair, FIRST).ask("SET", KEY, "first")
    until(lambda: all(reads(pair, site, "first") for site in SITES))


def test_a_reset_is_cheap_when_nothing_moved(pair: Stage) -> None:
    console(pair, FIRST).ask("SET", KEY, "left over")
    assert "pristine" not in pair.cluster.reset(KEY)
    assert [console(pair, node).ask("DBSIZE") for node in (FIRST, SECOND, "ledger")] == [[0]] * 3


def test_a_promotion_by_hand_loses_what_the_replica_had_not_heard(pair: Stage, tmp_path: Path) -> None:
    cluster = pair.cluster
    with Watched(pair, tmp_path) as watched:
        pair.platform.links.cut(pair.between((FIRST, SECOND)))
        console(pair, FIRST).ask("SET", KEY, "lost", "PX", 30000)
        until(lambda: watched.server(node=FIRST, event="began", owner="lost"))
        pair.platform.kill(FIRST)
        assert cluster.successor(FIRST) is None
        cluster.promote(FIRST)
        until(lambda: cluster.primary() == cluster.successor(FIRST) == SECOND)
        moved = until(lambda: watched.role(node=SECOND, role="primary"))[0]
        assert (moved.was, moved.evidence) == ("replica", "key absent")
        console(pair, SECOND).ask("SET", KEY, "second", "PX", 30000)
        until(lambda: all(reads(pair, site, "second") for site in SITES))
        pair.platform.links.restore_all()
        pair.platform.start_node(FIRST)
        cluster.rejoin(FIRST)
        assert cluster.ready() == "redis-2 with redis-1 after it, ledger answer, all say master"
        until(lambda: watched.server(node=FIRST, event="began", owner="second"))
    assert "redis-1, redis-2 started pristine" in cluster.reset(KEY)
    until(lambda: cluster.primary() == FIRST)
    assert console(pair, SECOND).ask("GET", KEY) == [None]


def test_handing_over_in_order_loses_nothing(pair: Stage) -> None:
    console(pair, FIRST).ask("SET", KEY, "kept", "PX", 30000)
    assert "handed over to redis-2" in pair.cluster.hand_over(FIRST)
    assert pair.cluster.roles() == {FIRST: "replica", SECOND: "primary", "ledger": "standalone"}
    until(lambda: all(reads(pair, site, "kept") for site in SITES))


def test_whoever_is_cut_off_stays_with_the_old_primary_until_the_heal(pair: Stage) -> None:
    links = pair.platform.links
    links.cut([*pair.between((FIRST, SECOND)), f"c1>{SECOND}", f"c2>{FIRST}"])
    console(pair, FIRST).ask("SET", KEY, "old", "PX", 30000)
    pair.cluster.promote(FIRST)
    console(pair, SECOND).ask("SET", KEY, "new", "PX", 30000)
    until(lambda: reads(pair, "c1", "old"))
    until(lambda: reads(pair, "c2", "new"))
    links.restore_all()
    pair.cluster.rejoin(FIRST)
    pair.cluster.ready()
    until(lambda: all(reads(pair, site, "new") for site in SITES))
    assert console(pair, FIRST).ask("GET", KEY) == ["new"]


def test_what_is_done_to_a_link_is_done_to_who_comes_by_the_name(pair: Stage) -> None:
    pair.platform.links.cut([f"c1>{FIRST}"])
    assert not answers(by_name(pair, "c1"), b"PING\r\n", b"+PONG\r\n", 0.3)
    until(lambda: answers(by_name(pair, "c2"), b"PING\r\n", b"+PONG\r\n", 1.0))
    pair.platform.links.restore_all()
    until(lambda: answers(by_name(pair, "c1"), b"PING\r\n", b"+PONG\r\n", 1.0))
