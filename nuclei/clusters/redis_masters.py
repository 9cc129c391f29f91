"""N Redis servers that know nothing of each other: no replicas, no links between them, and nobody in charge."""

from __future__ import annotations

from collections.abc import Sequence

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer
from nuclei.clusters.redis_conf import REDIS_PORT, ledger_node, redis_node
from nuclei.clusters.redis_servers import RedisServers
from nuclei.clusters.tended import side_by_side
from nuclei.platforms.base import NodeSpec, Wiring

MASTERS = 5


class RedisMasters(RedisServers):
    """``redis-1`` to ``redis-N`` and the ledger. Settings: ``masters`` (3 or 5), ``persistence`` (``none`` or
    ``aof``), ``redis_conf`` (own lines)."""

    name = "redis-masters"

    def describe(self) -> Sequence[NodeSpec]:
        settings = {"masters": MASTERS, "persistence": "none", "redis_conf": "", **self.settings}
        numbers = range(1, int(settings["masters"]) + 1)
        keep, overlay = str(settings["persistence"]), str(settings["redis_conf"])
        masters = [redis_node(f"redis-{i}", REDIS_PORT + i, persistence=keep, overlay=overlay) for i in numbers]
        return [*masters, ledger_node()]

    def wiring(self, sites: Sequence[str]) -> Wiring:
        return Wiring(nodes=list(self.nodes.values()), peers=[], served=list(self.nodes), sites=sites)

    def ready(self, deadline: float = 30.0) -> str:
        self.wait("an answer from every server", self._missing, deadline)
        self.remember()
        return f"{', '.join(self.nodes)} answer, all say master"

    def _missing(self) -> str | None:
        said = self.ask_each(self.nodes, "ROLE")
        wrong = {name: reply for name, reply in said.items() if not reply or reply[0] != "master"}
        return f"ROLE says {wrong}" if wrong else None

    def reset(self, key: str) -> str:
        dead = self.revive()
        side_by_side(dead, lambda name: self.platform.start_node(name, pristine=True))
        proof = self.ready()
        side_by_side(self.nodes, lambda name: self.servers[name].wipe())
        restarted = f", {', '.join(dead)} started pristine" if dead else ""
        return f"{proof}; all hold no keys{restarted}"

    def roles(self) -> dict[str, str]:
        """Every one of them is a primary that never has replicas."""
        return {name: "standalone" if role == "primary" else role for name, role in super().roles().items()}

    def primary(self) -> str | None:
        """Nobody is in charge and all are alike: a fault that asks for the primary gets the first that answers."""
        roles = self.roles()
        return next((name for name in self.named("redis") if roles[name] == "standalone"), None)

    def observer(self, key: str, writer: PartWriter) -> Observer:
        from nuclei.clusters.observers.majority import MajorityWriter
        from nuclei.clusters.observers.redis import RedisObserver

        ports = {name: self.nodes[name].port for name in self.named("redis")}
        return RedisObserver(self.platform, ports, key, MajorityWriter(list(ports), writer))


CLUSTER = ClusterEntry(
    name="redis-masters",
    summary="N independent Redis servers (3 or 5), no replicas, no persistence unless asked for",
    make=RedisMasters,
    images=("redis",),
    defaults={"masters": MASTERS, "persistence": "none", "redis_conf": ""},
)
