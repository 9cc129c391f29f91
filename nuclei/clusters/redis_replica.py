"""One Redis primary and a replica that an operator promotes by hand: what many teams run before they run Sentinel.

Replication is asynchronous, and a person with a runbook knows no better than a Sentinel what had not arrived.
"""

from __future__ import annotations

from collections.abc import Mapping

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer
from nuclei.clusters.redis_by_hand import DEFAULTS, REACTION, RedisByHand
from nuclei.clusters.redis_conf import REDIS_PORT

NAME = "primary"
REPLICAS = 1


class RedisReplica(RedisByHand):
    """``redis-1`` (first primary), its replica ``redis-2`` (and ``redis-3``), and the ledger; clients know the name
    ``primary``. Settings: ``replicas`` (1 or 2; 0 leaves nobody to promote), ``reaction`` (seconds until the operator
    acts), ``persistence`` (``none`` or ``aof``), ``redis_conf`` (own lines)."""

    name = "redis-replica"

    def groups(self) -> Mapping[str, Mapping[str, int]]:
        count = 1 + int(self.settings.get("replicas", REPLICAS))
        return {NAME: {f"redis-{number}": REDIS_PORT + number for number in range(1, count + 1)}}

    def observer(self, key: str, writer: PartWriter) -> Observer:
        from nuclei.clusters.observers.redis import RedisObserver

        return RedisObserver(self.platform, self.groups()[NAME], key, writer)


CLUSTER = ClusterEntry(
    name="redis-replica",
    summary="a Redis primary and its replica, which an operator promotes by hand",
    make=RedisReplica,
    images=("redis",),
    defaults={"replicas": REPLICAS, "reaction": REACTION, **DEFAULTS},
    replicates=True,
    hands_over=True,
)
