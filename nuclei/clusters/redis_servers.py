"""What the Redis topologies share: a console into every node, roles, probes of links between nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nuclei.clusters.base import Settings
from nuclei.clusters.clocks import Ahead
from nuclei.clusters.console import Console, ConsoleError, NoAnswer, Reply
from nuclei.clusters.redis_conf import LEDGER
from nuclei.clusters.redis_server import RedisServer
from nuclei.clusters.tended import TendedCluster, side_by_side
from nuclei.platforms.base import HarnessError, Platform, Unsupported, node_via

_ROLES = {"master": "primary", "slave": "replica", "sentinel": "sentinel"}


class RedisServers(TendedCluster):
    """Base of the Redis topologies: all nodes speak the Redis protocol, sentinels too."""

    prelude: Sequence[str] = ()
    """What consoles say before every question, see :class:`Console`."""

    def __init__(self, platform: Platform, settings: Settings) -> None:
        super().__init__(platform, settings)
        self.servers = {
            name: RedisServer(platform, node, () if name == LEDGER else self.prelude)
            for name, node in self.nodes.items()
        }

    @property
    def consoles(self) -> dict[str, Console]:
        """Every node's console."""
        return {name: server.console for name, server in self.servers.items()}

    def ask_each(self, nodes: Iterable[str], *words: str | float, timeout: float = 0.5) -> dict[str, Reply | None]:
        """The same command to several nodes at once; None for one that does not answer or answers an error."""

        def one(name: str) -> Reply | None:
            try:
                return self.servers[name].console.ask(*words, timeout=timeout)
            except (NoAnswer, ConsoleError):
                return None

        return side_by_side(nodes, one)

    def wipe_replicated(self, primary: str, replicas: Sequence[str]) -> None:
        """No keys on ``primary`` nor on any of its replicas. Raises HarnessError."""
        side_by_side((primary, *replicas), lambda name: self.servers[name].clear_out())
        self.servers[primary].wipe()
        if not replicas:
            return
        acknowledged = self.consoles[primary].ask("WAIT", len(replicas), 3000, timeout=4.0)
        left = self.ask_each(replicas, "DBSIZE")
        if acknowledged != [len(replicas)] or any(size != [0] for size in left.values()):
            raise HarnessError(f"the wipe did not reach all replicas: WAIT said {acknowledged}, keys left {left}")

    def remember(self) -> None:
        """Note every Redis server's configuration as it was at first."""
        side_by_side((*self.named("redis"), LEDGER), lambda name: self.servers[name].remember())

    def roles(self) -> dict[str, str]:
        """Each node's own word. A frozen or dead node is ``down``, a primary that never has replicas ``standalone``."""
        said = side_by_side(self.nodes, lambda name: self.servers[name].role())
        roles = {name: _ROLES.get(role or "", "down") for name, role in said.items()}
        alone = {LEDGER, *self.alone()}
        return {name: "standalone" if role == "primary" and name in alone else role for name, role in roles.items()}

    def alone(self) -> Sequence[str]:
        """The Redis servers that never have replicas, the ledger apart."""
        return ()

    def knows(self, node: str, key: str) -> bool:
        """Whether ``node`` itself holds the key now."""
        try:
            return self.servers[node].console.ask("EXISTS", key) == [1]
        except (NoAnswer, ConsoleError) as error:
            raise HarnessError(f"{node} does not say whether it holds {key}: {error}") from error

    def clock_ahead(self, node: str) -> Ahead:
        """By TIME. A Sentinel whose wall clock moves does nothing for 30 s (TILT mode), so there is nothing to ask."""
        if self.nodes[node].role == "sentinel":
            raise Unsupported(f"{node} would go into TILT mode and do nothing for 30 s: that tests no lock")
        return self.servers[node].clock_ahead()

    def versions(self) -> dict[str, str]:
        """The version that the servers tell (they all run on one image)."""
        found = self.servers[LEDGER].version()
        return {"redis-server": found} if found else {}

    def ping(self, site: str, node: str, timeout: float = 0.3) -> bool:
        """PING through the proxied loopback port."""
        return self.servers[node].ping(site, timeout)

    def peer_ping(self, source: str, target: str, timeout: float = 0.5) -> bool:
        """PING from inside ``source`` to the name of ``target``. False as well where ``source`` cannot run it."""
        argv = ["timeout", "-s", "KILL", f"{timeout:g}"]
        argv += ["redis-cli", "-h", node_via(target), "-p", str(self.nodes[target].port), "PING"]
        try:
            # An exec takes a while to start; that is not the link's doing.
            return self.platform.run(source, argv, timeout + 3.0).output.strip() == "PONG"
        except HarnessError:
            return False
