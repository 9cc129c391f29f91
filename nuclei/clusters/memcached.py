"""One memcached server: a cache, which promises to forget. Nothing survives a restart, and nothing replicates."""

from __future__ import annotations

from collections.abc import Sequence

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer, Settings
from nuclei.clusters.clocks import Ahead
from nuclei.clusters.console import NoAnswer
from nuclei.clusters.memcached_server import MEMCACHED_PORT, MemcachedServer, memcached_node
from nuclei.clusters.probe import answers
from nuclei.clusters.redis_conf import LEDGER, ledger_node
from nuclei.clusters.redis_server import RedisServer
from nuclei.clusters.tended import TendedCluster
from nuclei.platforms.base import HarnessError, NodeSpec, Platform, Unsupported, Wiring

NODE = "memcached-1"
DEFAULTS: Settings = {"memory": 64, "options": ""}


class Memcached(TendedCluster):
    """``memcached-1`` and the ledger. Settings: ``memory`` (MB), ``options`` (memcached's own, as on its command
    line)."""

    name = "memcached"

    def __init__(self, platform: Platform, settings: Settings) -> None:
        super().__init__(platform, {**DEFAULTS, **settings})
        self.server = MemcachedServer(platform, self.nodes[NODE])
        self.ledger = RedisServer(platform, self.nodes[LEDGER])

    def describe(self) -> Sequence[NodeSpec]:
        memory, options = int(self.settings["memory"]), str(self.settings["options"])
        return [memcached_node(NODE, MEMCACHED_PORT + 1, memory=memory, options=options), ledger_node()]

    def wiring(self, sites: Sequence[str]) -> Wiring:
        return Wiring(nodes=list(self.nodes.values()), peers=[], served=list(self.nodes), sites=sites)

    def ready(self, deadline: float = 30.0) -> str:
        self.wait("an answer from every server", self._missing, deadline)
        self.ledger.remember()
        return f"{NODE} and the ledger answer"

    def _missing(self) -> str | None:
        roles = self.roles()
        return None if set(roles.values()) == {"standalone"} else f"the servers are {roles}"

    def reset(self, key: str) -> str:
        """A new process: it has no keys, and no connection on which a healed link could deliver a late command."""
        self.revive()
        restarted = self.platform.start_node(NODE, pristine=True)
        if self.platform.state(LEDGER) == "exited":
            self.platform.start_node(LEDGER, pristine=True)
        proof = self.ready()
        self.ledger.wipe()
        if (left := self.server.value(key)) is not None:
            raise HarnessError(f"{NODE} holds {left} under {key} after a new start: somebody else writes to it")
        return f"{proof}; {restarted}, no keys"

    def roles(self) -> dict[str, str]:
        return {
            NODE: "standalone" if self.server.version() is not None else "down",
            LEDGER: "standalone" if self.ledger.role() == "master" else "down",
        }

    def primary(self) -> str | None:
        return NODE if self.server.version() is not None else None

    def clock_ahead(self, node: str) -> Ahead:
        """The ledger's. memcached reads the wall clock when it starts, and counts seconds by another one then."""
        if node == LEDGER:
            return self.ledger.clock_ahead()
        raise Unsupported(
            f"{node} counts by the monotonic clock: its wall clock may move, and nothing follows from that"
        )

    def knows(self, node: str, key: str) -> bool:
        try:
            return self.server.value(key) is not None
        except NoAnswer as error:
            raise HarnessError(f"{node} does not say whether it holds {key}: {error}") from error

    def versions(self) -> dict[str, str]:
        found = {"memcached": self.server.version(), "redis-server": self.ledger.version()}
        return {name: version for name, version in found.items() if version}

    def observer(self, key: str, writer: PartWriter) -> Observer:
        from nuclei.clusters.observers.memcached import MemcachedWatch
        from nuclei.clusters.observers.polled import PollingObserver

        node = self.nodes[NODE]
        return PollingObserver(lambda stop: [MemcachedWatch(self.platform, node, key, writer, stop)])

    def ping(self, site: str, node: str, timeout: float = 0.3) -> bool:
        if node == LEDGER:
            return self.ledger.ping(site, timeout)
        return answers(self.platform.endpoint(site, node), b"version\r\n", b"VERSION ", timeout)

    def peer_ping(self, source: str, target: str, timeout: float = 0.5) -> bool:
        raise Unsupported(f"there is no link from {source} to {target}")


CLUSTER = ClusterEntry(
    name="memcached",
    summary="one memcached server: everything in memory, nothing replicated",
    make=Memcached,
    images=("memcached", "redis"),
    defaults=DEFAULTS,
)
