"""One Redis server without replicas: nothing to fail over to, and the simplest place to lose a lock."""

from __future__ import annotations

from collections.abc import Mapping

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer
from nuclei.clusters.redis_by_hand import DEFAULTS, RedisByHand
from nuclei.clusters.redis_conf import REDIS_PORT

NODE = "redis-1"


class RedisSingle(RedisByHand):
    """``redis-1`` and the ledger. Settings: ``persistence`` (``none`` or ``aof``), ``redis_conf`` (own lines)."""

    name = "redis-single"

    def groups(self) -> Mapping[str, Mapping[str, int]]:
        return {NODE: {NODE: REDIS_PORT + 1}}

    def observer(self, key: str, writer: PartWriter) -> Observer:
        from nuclei.clusters.observers.redis import RedisObserver

        return RedisObserver(self.platform, self.groups()[NODE], key, writer)


CLUSTER = ClusterEntry(
    name="redis-single",
    summary="one Redis server, no replicas, no persistence unless asked for",
    make=RedisSingle,
    images=("redis",),
    defaults=DEFAULTS,
)
