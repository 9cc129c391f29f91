"""N Redis servers that know nothing of each other, and nobody in charge: alone, or each with replicas of its own that
an operator promotes by hand."""

from __future__ import annotations

from collections.abc import Mapping

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer
from nuclei.clusters.redis_by_hand import DEFAULTS, REACTION, RedisByHand
from nuclei.clusters.redis_conf import REDIS_PORT

MASTERS = 5
REPLICAS = 0
_PORTS_APART = 10


class RedisMasters(RedisByHand):
    """``redis-1`` to ``redis-N`` and the ledger. Settings: ``masters`` (3 or 5), ``replicas`` of each (0, 1 or 2),
    ``reaction`` (seconds until an operator acts), ``persistence`` (``none`` or ``aof``), ``redis_conf`` (own lines).

    The replica of ``redis-1`` is ``replica-1`` (a second one ``replica-1-2``); clients then know the name ``master-1``
    instead. Whom a fault calls the primary is the first that answers: all are alike.
    """

    name = "redis-masters"

    def groups(self) -> Mapping[str, Mapping[str, int]]:
        replicas = int(self.settings.get("replicas", REPLICAS))
        return {f"master-{i}": _group(i, replicas) for i in range(1, int(self.settings.get("masters", MASTERS)) + 1)}

    def observer(self, key: str, writer: PartWriter) -> Observer:
        from nuclei.clusters.observers.majority import MajorityWriter
        from nuclei.clusters.observers.redis import RedisObserver

        groups = self.groups().values()
        ports = {node: port for members in groups for node, port in members.items()}
        return RedisObserver(self.platform, ports, key, MajorityWriter([list(members) for members in groups], writer))


def _group(number: int, replicas: int) -> dict[str, int]:
    names = [f"redis-{number}", f"replica-{number}", *(f"replica-{number}-{more}" for more in range(2, replicas + 1))]
    return {name: REDIS_PORT + number + _PORTS_APART * place for place, name in enumerate(names[: replicas + 1])}


CLUSTER = ClusterEntry(
    name="redis-masters",
    summary="N independent Redis servers (3 or 5), alone or each with replicas, no persistence unless asked for",
    make=RedisMasters,
    images=("redis",),
    defaults={"masters": MASTERS, "replicas": REPLICAS, "reaction": REACTION, **DEFAULTS},
    replicates=True,
    hands_over=True,
)
