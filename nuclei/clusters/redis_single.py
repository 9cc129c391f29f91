"""One Redis server without replicas: nothing to fail over to, and the simplest place to lose a lock."""

from __future__ import annotations

from collections.abc import Sequence

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer
from nuclei.clusters.redis_conf import REDIS_PORT, ledger_node, redis_node
from nuclei.clusters.redis_masters import RedisMasters
from nuclei.platforms.base import NodeSpec

NODE = "redis-1"


class RedisSingle(RedisMasters):
    """``redis-1`` and the ledger. Settings: ``persistence`` (``none`` or ``aof``), ``redis_conf`` (own lines)."""

    name = "redis-single"

    def describe(self) -> Sequence[NodeSpec]:
        settings = {"persistence": "none", "redis_conf": "", **self.settings}
        redis = redis_node(
            NODE, REDIS_PORT + 1, persistence=str(settings["persistence"]), overlay=str(settings["redis_conf"])
        )
        return [redis, ledger_node()]

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
