"""Redis Cluster: three masters with a replica each, which fail over by themselves.

A lock's key lives in one of 16384 slots, so on one master and its replica; the other masters vote. Replication is
asynchronous as everywhere: see "Write safety" in the Redis Cluster specification.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer, Settings
from nuclei.clusters.cluster_view import nodes_seen_by, state_by
from nuclei.clusters.console import ConsoleError, NoAnswer
from nuclei.clusters.redis_cluster_conf import cluster_node, node_id, slots_of
from nuclei.clusters.redis_conf import LEDGER, REDIS_PORT, ledger_node
from nuclei.clusters.redis_servers import RedisServers
from nuclei.clusters.sentinel_view import Snapshot, snapshot, view
from nuclei.clusters.tended import side_by_side
from nuclei.locks.base import Surroundings
from nuclei.locks.redis_slots import ROLE, slot_of
from nuclei.platforms.base import HarnessError, NodeSpec, Platform, Wiring

MASTERS = 3
SHARDS = [
    {f"redis-{number}": REDIS_PORT + number, f"redis-{number + MASTERS}": REDIS_PORT + number + MASTERS}
    for number in range(1, MASTERS + 1)
]
"""Every master and its replica."""
NODES = [name for shard in SHARDS for name in shard]
_BY_ID = {node_id(name): name for name in NODES}
_SETTLE_SECONDS = 3.0
_STEP_SECONDS = 10.0
_ASK_SECONDS = 3.0
_ATTEMPTS = 3

DEFAULTS: dict[str, float | int | str | bool] = {"node_timeout": 1.0, "persistence": "none", "redis_conf": ""}


class RedisCluster(RedisServers):
    """``redis-1`` to ``-3`` (first masters), ``redis-4`` to ``-6`` (the replica of each), and the ledger.

    Settings: ``node_timeout`` (seconds of silence after which a node is suspected), ``persistence`` (``none``,
    ``aof``), ``redis_conf`` (own lines). Whom a fault calls the primary is the master of the lock's slot.
    """

    name = "redis-cluster"
    prelude = ("READONLY",)
    _born: Snapshot | None = None

    def __init__(self, platform: Platform, settings: Settings) -> None:
        super().__init__(platform, {**DEFAULTS, **settings})
        self._shard = 0
        """The shard of the lock's key."""

    def describe(self) -> Sequence[NodeSpec]:
        nodes = [
            cluster_node(
                name,
                SHARDS,
                node_timeout=float(self.settings["node_timeout"]),
                persistence=str(self.settings["persistence"]),
                overlay=str(self.settings["redis_conf"]),
            )
            for name in NODES
        ]
        return [*nodes, ledger_node()]

    def wiring(self, sites: Sequence[str]) -> Wiring:
        """Every node reaches every other one directly: what they gossip is one address for all."""
        return Wiring(nodes=list(self.nodes.values()), peers=[], served=list(self.nodes), sites=sites, direct=NODES)

    def surroundings(self, site: str, settings: Settings) -> Surroundings:
        """The nodes have a role of their own, because their clients must follow slots; the book has the addresses that
        they announce."""
        told = super().surroundings(site, settings)
        direct = self.platform.place(NODES[0]).direct
        book = {f"{direct[name]}:{self.nodes[name].port}": told.endpoints[name] for name in NODES}
        nodes = {ROLE: NODES, **{role: names for role, names in told.nodes.items() if role != "redis"}}
        return msgspec.structs.replace(told, nodes=nodes, address_book=book)

    def ready(self, deadline: float = 30.0) -> str:
        """Every node says that the cluster is fine and suspects nobody, and every shard replicates."""
        self.wait("a whole cluster", self._missing, deadline)
        self.remember()
        masters = [name for name, role in self.roles().items() if role == "primary"]
        return f"{', '.join(masters)} are masters, each replicates to 1, all 6 nodes say that the cluster is fine"

    def serving(self, deadline: float = 30.0) -> str:
        """Every node answers and takes the cluster for able to serve, and most name a master of the lock's slot that
        says so itself."""
        self.wait("a master of the lock's slot, and an answer from every node", self._unserved, deadline)
        return f"every node answers, most name {self.primary()} as the master of the lock's slot"

    def _unserved(self) -> str | None:
        states = side_by_side(NODES, lambda name: state_by(self.consoles[name]))
        if set(states.values()) != {"ok"}:
            return f"the nodes say of the cluster's state {states}"
        return None if self.primary() is not None else "no master of the lock's slot that most nodes name"

    def _missing(self) -> str | None:
        if (unserved := self._unserved()) is not None:
            return unserved
        seen = side_by_side(NODES, lambda name: nodes_seen_by(self.consoles[name]))
        suspected = sorted({_BY_ID[known.ident] for found in seen.values() for known in found if not known.healthy})
        problems = [f"somebody suspects {', '.join(suspected)}"] if suspected else []
        problems += [problem for shard in SHARDS for problem in view(self.consoles, shard, []).problems]
        if self.servers[LEDGER].role() != "master":
            problems.append("the ledger does not answer")
        return "; ".join(problems) or None

    def reset(self, key: str) -> str:
        """Cheap when nothing moved since the last pristine start; else all nodes start pristine."""
        self._shard = _shard_of_slot(slot_of(key))
        dead = self.revive()
        if LEDGER in dead:
            self.platform.start_node(LEDGER, pristine=True)
        if set(dead) <= {LEDGER} and self._settled():
            proof = "nothing had moved (same runs and roles)"
            side_by_side([first for first, _ in SHARDS], lambda name: self.wipe_replicated(name, self._others(name)))
        else:
            proof = f"all started pristine: {self._begin_again()}"
        self.servers[LEDGER].wipe()
        return f"{proof}; no keys anywhere"

    def _begin_again(self) -> str:
        """All are ended before the first starts: one that lived on would teach the new ones what it remembers. On a
        starved machine they may fail over by themselves: then once more. Raises HarnessError."""
        for _ in range(_ATTEMPTS):
            side_by_side(NODES, self.platform.kill)
            side_by_side(NODES, lambda name: self.platform.start_node(name, pristine=True))
            proof = self.ready()
            born = self._snapshot()
            if born is not None and all(born.roles[first] == "master" for first, _ in SHARDS):
                self._born = born
                return proof
        raise HarnessError(
            f"after {_ATTEMPTS} fresh starts a replica had been promoted: the nodes fail over by themselves, probably "
            "because this machine is too busy for node_timeout; give it more time with --set cluster.node_timeout"
        )

    def _settled(self) -> bool:
        now = self._snapshot()
        born = self._born or now
        if now is None or now != born or any(now.roles[first] != "master" for first, _ in SHARDS):
            return False
        try:
            self.ready(_SETTLE_SECONDS)
        except HarnessError:
            return False
        self._born = born
        return self._snapshot() == born

    def _snapshot(self) -> Snapshot | None:
        return snapshot(self.consoles, NODES, [])

    def primary(self) -> str | None:
        return self._master(self._shard)

    def replicas(self, primary: str) -> list[str]:
        """The other member of its shard, if that says that it is a replica."""
        return [name for name in self._others(primary) if self.servers[name].role() == "slave"]

    def successor(self, old: str) -> str | None:
        master = self._master(_shard_of_node(old))
        return master if master != old else None

    def _master(self, shard: int) -> str | None:
        """The node that most nodes name as the master of a shard's slots, provided it says itself that it is one."""
        slot = slots_of(shard, MASTERS)[0]
        seen = side_by_side(NODES, lambda name: nodes_seen_by(self.consoles[name]))
        votes = Counter(_BY_ID[known.ident] for found in seen.values() for known in found if known.serves(slot))
        named = next((name for name, count in votes.items() if count * 2 > len(NODES)), None)
        return named if named is not None and self.servers[named].role() == "master" else None

    def _others(self, name: str) -> list[str]:
        return [other for other in SHARDS[_shard_of_node(name)] if other != name]

    def hand_over(self, old: str) -> str:
        """CLUSTER FAILOVER on the replica: the master stops its writes until the replica has them all."""
        self.wait(f"a replica of {old}", lambda: None if self.replicas(old) else f"{self.roles()}", _STEP_SECONDS)
        (new,) = self._others(old)
        try:
            self.consoles[new].ask("CLUSTER", "FAILOVER", timeout=_ASK_SECONDS)
        except (NoAnswer, ConsoleError) as error:
            raise HarnessError(f"{new} did not take over from {old}: {error}") from error
        self.wait(
            f"{old} and {new} to change places",
            lambda: None if self.successor(old) == new and self.replicas(new) == [old] else f"{self.roles()}",
            _STEP_SECONDS,
        )
        return f"{old} handed over to {new} with all its writes (CLUSTER FAILOVER)"

    def observer(self, key: str, writer: PartWriter) -> Observer:
        """Of the shard that the key lives in: what the other masters hold is other keys."""
        from nuclei.clusters.observers.redis import RedisObserver

        shard: Mapping[str, int] = SHARDS[_shard_of_slot(slot_of(key))]
        return RedisObserver(self.platform, shard, key, writer, self.prelude)


def _shard_of_slot(slot: int) -> int:
    return next(number for number in range(MASTERS) if slot in slots_of(number, MASTERS))


def _shard_of_node(name: str) -> int:
    return next(number for number, shard in enumerate(SHARDS) if name in shard)


CLUSTER = ClusterEntry(
    name="redis-cluster",
    summary="Redis Cluster: three masters with a replica each, which fail over by themselves",
    make=RedisCluster,
    images=("redis",),
    defaults=DEFAULTS,
    replicates=True,
    hands_over=True,
    minority_stops=True,
)
