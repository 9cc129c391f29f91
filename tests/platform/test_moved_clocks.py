"""Wall clocks of nodes on platform process: moved one by one, kept over a restart, right again in a pristine one."""

from __future__ import annotations

import pytest
from cluster_stage import KEY, Stage, until

from nuclei.clusters.console import NoAnswer
from nuclei.clusters.redis_server import RedisServer
from nuclei.clusters.redis_single import RedisSingle
from nuclei.platforms.base import HarnessError, Unsupported
from nuclei.platforms.process import clock

PLATFORMS = ("process",)
NODE = "redis-1"
PRECISION = 0.01


@pytest.fixture(autouse=True)
def clocks() -> None:
    if (reason := clock.why_not()) is not None:
        pytest.skip(reason)


def shows(stage: Stage, node: str, seconds: float) -> bool:
    """Whether the node itself says that its clock is that far ahead; False while it does not answer."""
    try:
        return stage.cluster.clock_ahead(node).may_be(seconds, PRECISION)
    except (HarnessError, NoAnswer):
        return False


def server(stage: Stage) -> RedisServer:
    assert isinstance(stage.cluster, RedisSingle)
    return stage.cluster.servers[NODE]


def test_one_clock_moves_and_its_neighbours_do_not(sentinel: Stage) -> None:
    assert sentinel.platform.set_clock(NODE, 60) == "the clock of redis-1 was moved from +0 s to +60 s"
    for node, seconds in ((NODE, 60), ("redis-2", 0), ("redis-3", 0), ("ledger", 0)):
        assert shows(sentinel, node, seconds), node
    with pytest.raises(Unsupported, match="TILT"):
        sentinel.cluster.clock_ahead("sentinel-1")


def test_a_key_ends_by_the_moved_clock(single: Stage) -> None:
    """Redis looks ten times a second by itself; the rest is for a busy machine."""
    ask = server(single).console.ask
    ask("SET", KEY, "owner", "PX", 30_000)
    single.platform.set_clock(NODE, 60)
    until(lambda: ask("DBSIZE") == [0], 2.0)
    ask("SET", KEY, "owner", "PX", 30_000)
    single.platform.set_clock(NODE, 0)
    remaining = ask("PTTL", KEY)[0]
    assert isinstance(remaining, int)
    assert 85_000 < remaining <= 90_000


def test_a_restart_keeps_the_clock_and_a_pristine_one_does_not(single: Stage) -> None:
    single.platform.set_clock(NODE, -3600)
    single.platform.kill(NODE)
    single.platform.start_node(NODE)
    until(lambda: shows(single, NODE, -3600))
    single.platform.start_node(NODE, pristine=True)
    until(lambda: shows(single, NODE, 0))


def test_a_frozen_node_wakes_with_the_clock_it_was_given(single: Stage) -> None:
    single.platform.pause(NODE)
    single.platform.set_clock(NODE, 60)
    single.platform.resume(NODE)
    until(lambda: shows(single, NODE, 60))


def test_a_reset_brings_every_clock_back(single: Stage) -> None:
    for node in (NODE, "ledger"):
        single.platform.set_clock(node, 3600)
    single.cluster.reset(KEY)
    assert shows(single, NODE, 0)
    assert shows(single, "ledger", 0)


def test_a_zookeeper_leader_says_its_time_and_a_follower_says_none(ensemble: Stage) -> None:
    leader = until(ensemble.cluster.primary)
    for seconds in (60, -60, 0):
        ensemble.platform.set_clock(leader, seconds)
        assert shows(ensemble, leader, seconds)
    follower = until(lambda: next((n for n, role in ensemble.cluster.roles().items() if role == "follower"), None))
    with pytest.raises(Unsupported, match=f"{follower} is none .the leader is {leader}"):
        ensemble.cluster.clock_ahead(follower)
    assert until(ensemble.cluster.primary) == leader
