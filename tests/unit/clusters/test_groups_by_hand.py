"""Groups of primaries and replicas as wirings: who talks to whom, and what clients are told."""

from __future__ import annotations

from typing import cast

import pytest

from nuclei.clusters.base import Cluster, Settings
from nuclei.platforms.base import Platform
from nuclei.platforms.wires import Addresses, gates, links
from nuclei.registry import cluster

SITES = ["c1", "c2"]


def described(name: str, settings: Settings | None = None) -> Cluster:
    entry = cluster(name)
    return entry.make(cast(Platform, None), {**entry.defaults, **(settings or {})})


def test_a_name_stands_beside_the_nodes_and_leads_through_their_links() -> None:
    wiring = described("redis-replica").wiring(SITES)
    assert dict(wiring.names) == {"primary": "redis-1"}
    assert {gate.node for gate in gates(wiring)} == {"redis-1", "redis-2", "ledger", "primary"}
    own = {node.name: f"own-{node.name}" for node in wiring.nodes}
    found = {link.name: link for link in links(wiring, Addresses(own, own, "gate"))}
    assert found["c2>primary"].upstream == found["c2>redis-1"].listen
    assert found["c2>redis-1"].upstream == "own-redis-1:6391"
    assert {"redis-1>redis-2", "redis-2>redis-1"} <= set(found)


@pytest.mark.parametrize(("replicas", "nodes", "peers"), [(0, 3, 0), (1, 6, 6), (2, 9, 18)])
def test_masters_know_only_their_own_replicas(replicas: int, nodes: int, peers: int) -> None:
    wiring = described("redis-masters", {"masters": 3, "replicas": replicas}).wiring(SITES)
    assert len(wiring.nodes) == nodes + 1
    assert len({node.port for node in wiring.nodes}) == nodes + 1
    assert len(wiring.peers) == peers
    assert {source[-1:] for source, target, _ in wiring.peers if source[-1] != target[-1] and replicas == 1} == set()
    assert len(wiring.names) == (3 if replicas else 0)


def test_replicas_are_configured_to_follow_and_to_be_called_by_their_names() -> None:
    first, second = (node.files["@home@/redis.conf"] for node in described("redis-replica").wiring([]).nodes[:2])
    assert "replicaof" not in first
    assert "replicaof @host:redis-1@ 6391" in second
    assert "replica-announce-ip @host:redis-2@" in second
    assert "replica-announce-ip" not in described("redis-single").wiring([]).nodes[0].files["@home@/redis.conf"]
