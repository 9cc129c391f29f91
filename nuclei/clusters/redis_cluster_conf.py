"""Redis Cluster as configuration: everything its nodes would otherwise have to be told is written beforehand.

With a ``nodes.conf`` that names all nodes, their roles and slots, nobody has to MEET anybody, and a cluster is whole as
soon as its masters dare to write: 2 s after they start (CLUSTER_WRITABLE_DELAY in Redis' source). Nodes gossip one
address of each other, so it is an address that all of them reach directly. Source: Redis Cluster specification;
``clusterLoadConfig`` in Redis' source for the file's form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nuclei.clusters.redis_conf import redis_node
from nuclei.platforms.base import NODE_HOME, NodeSpec, node_direct

SLOTS = 16384
BUS = 10000
"""What Redis adds to a node's port for the port of the bus."""
_NODES = f"{NODE_HOME}/nodes.conf"

Shards = Sequence[Mapping[str, int]]
"""Every shard as node → port, its first master first."""


def node_id(name: str) -> str:
    """A fixed id of 40 hexadecimal digits, so that the others can be told beforehand."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def slots_of(shard: int, shards: int) -> range:
    """The slots of a shard (0, 1, …) of so many."""
    return range(SLOTS * shard // shards, SLOTS * (shard + 1) // shards)


def nodes_conf(me: str, shards: Shards) -> str:
    """The file in which the node ``me`` finds whom it knows."""
    lines = []
    for number, members in enumerate(shards):
        (first, _), *_ = members.items()
        slots = slots_of(number, len(shards))
        for name, port in members.items():
            flags = ("myself," if name == me else "") + ("master" if name == first else "slave")
            of = "-" if name == first else node_id(first)
            served = f" {slots[0]}-{slots[-1]}" if name == first else ""
            address = f"{node_direct(name)}:{port}@{port + BUS}"
            lines.append(f"{node_id(name)} {address} {flags} {of} 0 0 {number + 1} connected{served}")
    return "\n".join([*lines, f"vars currentEpoch {len(shards)} lastVoteEpoch 0", ""])


def cluster_node(name: str, shards: Shards, *, node_timeout: float, persistence: str, overlay: str) -> NodeSpec:
    """The node ``name`` of a cluster. ``node_timeout`` in seconds; ``overlay``: the user's own lines of redis.conf."""
    port = next(members[name] for members in shards if name in members)
    lines = [
        "cluster-enabled yes",
        f"cluster-config-file {_NODES}",
        f"cluster-node-timeout {node_timeout * 1000:.0f}",
        # One shard that is lost must not stop the others: a lock lives in one of them.
        "cluster-require-full-coverage no",
        f"cluster-announce-ip {node_direct(name)}",
        "repl-diskless-sync-delay 0",
    ]
    node = redis_node(name, port, lines=lines, persistence=persistence, overlay=overlay)
    return replace(node, ports=(port + BUS,), files={**node.files, _NODES: nodes_conf(name, shards)})
