"""One Redis server without replicas: nothing to fail over to, and the simplest place to lose a lock."""

from __future__ import annotations

from collections.abc import Sequence

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer
from nuclei.clusters.redis_conf import REDIS_PORT, ledger_node, redis_node
from nuclei.clusters.redis_servers import RedisServers
from nuclei.clusters.tended import side_by_side
from nuclei.platforms.base import NodeSpec, Wiring

NODE = "redis-1"


class RedisSingle(RedisServers):
    """``redis-1`` and the ledger. Settings: ``persistence`` (``none`` or ``aof``), ``redis_conf`` (own lines)."""

    name = "redis-single"

    def describe(self) -> Sequence[NodeSpec]:
        settings = {"persistence": "none", "redis_conf": "", **self.settings}
        redis = redis_node(
            NODE, REDIS_PORT + 1, persistence=str(settings["persistence"]), overlay=str(settings["redis_conf"])
        )
        return [redis, ledger_node()]

    def wiring(self, sites: Sequence[str]) -> Wiring:
        return Wiring(nodes=list(self.nodes.values()), peers=[], served=list(self.nodes), sites=sites)

    def ready(self, deadline: float = 30.0) -> str:
        self.wait("an answer from every server", self._missing, deadline)
        self.remember()
        return "redis-1 and the ledger answer, both say master"

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
        return f"{proof}; both hold no keys{restarted}"

    def primary(self) -> str | None:
        """``redis-1`` while it answers."""
        return NODE if self.roles()[NODE] == "standalone" else None

    def observer(self, key: str, writer: PartWriter) -> Observer:
        from nuclei.clusters.observers.redis import RedisObserver

        return RedisObserver(self.platform, {NODE: self.nodes[NODE].port}, key, writer)


CLUSTER = ClusterEntry(
    name="redis-single",
    summary="one Redis server, no replicas, no persistence unless asked for",
    make=RedisSingle,
    images=("redis",),
    defaults={"persistence": "none", "redis_conf": ""},
)
