"""redis-cluster: readiness, roles, failovers, resets cheap and dear, and what cuts its nodes apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cluster_stage import KEY, Stage, Watched, until

from faults.schedule import read_fault
from lockquake.support import why_not_fault
from nuclei import registry
from nuclei.clusters.console import Console
from nuclei.clusters.redis_cluster import MASTERS, NODES, RedisCluster

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

PROMOTED = 20.0
"""Seconds within which a replica is promoted: it takes two, on a busy machine more."""


@pytest.fixture
def cluster(started: Callable[[str], Stage], no_new_threads: None) -> Stage:
    """``redis-cluster``, just reset."""
    stage = started("redis-cluster")
    stage.cluster.reset(KEY)
    return stage


def console(stage: Stage, node: str) -> Console:
    assert isinstance(stage.cluster, RedisCluster)
    return stage.cluster.servers[node].console


def master(stage: Stage) -> tuple[str, str]:
    """The master of the key's slot, and its replica."""
    name = until(stage.cluster.primary)
    [replica] = until(lambda: stage.cluster.replicas(name))
    return name, replica


def promoted(stage: Stage, old: str) -> str:
    return until(lambda: stage.cluster.successor(old), PROMOTED)


def test_ready_means_that_everybody_agrees(cluster: Stage) -> None:
    assert "redis-1, redis-2, redis-3 are masters" in cluster.cluster.ready()
    roles = cluster.cluster.roles()
    assert [roles[name] for name in NODES] == ["primary", "replica"] * MASTERS
    assert roles["ledger"] == "standalone"


def test_what_nodes_announce_is_in_the_address_book(cluster: Stage) -> None:
    told = cluster.cluster.surroundings("c1", {})
    assert told.nodes == {"redis-cluster": NODES, "ledger": ["ledger"]}
    host, port = console(cluster, "redis-2").ask("CLUSTER", "SLOTS")[2:4]
    assert told.address_book[f"{host}:{port}"] in [cluster.platform.endpoint("c1", node) for node in NODES]
    assert len(told.address_book) == len(NODES)


def test_a_reset_is_cheap_when_nothing_moved(cluster: Stage) -> None:
    node, replica = master(cluster)
    console(cluster, node).ask("SET", KEY, "left over")
    console(cluster, "ledger").ask("SET", KEY, "left over")
    until(lambda: cluster.cluster.knows(replica, KEY))
    assert "nothing had moved" in cluster.cluster.reset(KEY)
    assert [console(cluster, name).ask("DBSIZE") for name in (*NODES, "ledger")] == [[0]] * 7


def test_handing_over_in_order_loses_nothing(cluster: Stage, tmp_path: Path) -> None:
    node, replica = master(cluster)
    with Watched(cluster, tmp_path) as watched:
        console(cluster, node).ask("SET", KEY, "kept", "PX", 60000)
        until(lambda: watched.server(node=replica, event="began", owner="kept"))
        assert f"handed over to {replica}" in cluster.cluster.hand_over(node)
        assert master(cluster) == (replica, node)
        moved = until(lambda: watched.role(node=replica, role="primary"))[0]
        assert (moved.was, moved.evidence) == ("replica", "holds owner=kept")
    assert cluster.cluster.serving()
    assert "pristine" in cluster.cluster.reset(KEY)
    assert master(cluster) == (node, replica)


def test_a_replica_is_promoted_when_its_master_is_killed(cluster: Stage) -> None:
    node, replica = master(cluster)
    cluster.platform.kill(node)
    assert promoted(cluster, node) == replica
    cluster.platform.start_node(node)
    cluster.cluster.ready()
    assert master(cluster) == (replica, node)


def test_packets_between_nodes_are_dropped_one_link_at_a_time(cluster: Stage) -> None:
    if reason := why_not_fault(cluster.platform.name, registry.cluster("redis-cluster"), read_fault("failover")):
        assert "--platform docker" in reason
        assert not cluster.platform.links.names(source="redis-1")
        pytest.skip(reason)
    peer_ping = cluster.cluster.peer_ping
    cluster.platform.links.cut(["redis-1>redis-2"])
    assert not peer_ping("redis-1", "redis-2")
    until(lambda: peer_ping("redis-2", "redis-1", timeout=2.0))
    until(lambda: peer_ping("redis-1", "redis-3", timeout=2.0))
    cluster.platform.links.restore(["redis-1>redis-2"])
    until(lambda: peer_ping("redis-1", "redis-2", timeout=2.0))


@pytest.mark.failover
def test_a_promoted_replica_has_not_heard_of_the_lock(lockquake: Lockquake) -> None:
    """Skipped where packets between the nodes cannot be dropped."""
    lockquake.shows("redis-set-nx-px@redis-cluster", "failover", kind="double-grant", cause="failover")
