"""Three etcd servers: leases, and a majority that agrees on every write (Raft).

It keeps what it acknowledged: a server that is started again comes back with its data, and a leader without a majority
can acknowledge nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer, Settings
from nuclei.clusters.clocks import Ahead
from nuclei.clusters.console import NoAnswer
from nuclei.clusters.etcd_server import EtcdServer, Status, etcd_node
from nuclei.clusters.probe import answers, answers_inside
from nuclei.clusters.redis_conf import LEDGER, ledger_node
from nuclei.clusters.redis_server import RedisServer
from nuclei.clusters.tended import TendedCluster, side_by_side
from nuclei.locks.etcd_lease import lock_prefix
from nuclei.platforms.base import HarnessError, NodeSpec, Platform, Unsupported, Wiring

_MEMBERS = (1, 2, 3)
_SETTLE_SECONDS = 10.0
_CLEAR_SECONDS = 5.0
_PING = b"GET /version HTTP/1.0\r\n\r\n"
DEFAULTS: Settings = {"heartbeat": 0.1, "election": 1.0, "options": ""}


class Etcd(TendedCluster):
    """``etcd-1`` to ``etcd-3`` and the ledger. Settings: ``heartbeat`` (seconds between a leader's signs of life),
    ``election`` (seconds without one after which another is elected), ``options`` (etcd's own, as on its command
    line)."""

    name = "etcd"

    def __init__(self, platform: Platform, settings: Settings) -> None:
        super().__init__(platform, {**DEFAULTS, **settings})
        self.servers = {name: EtcdServer(platform, self.nodes[name]) for name in self.named("etcd")}
        self.ledger = RedisServer(platform, self.nodes[LEDGER])

    def describe(self) -> Sequence[NodeSpec]:
        heartbeat, election = float(self.settings["heartbeat"]), float(self.settings["election"])
        options = str(self.settings["options"])
        return [
            *(etcd_node(i, _MEMBERS, heartbeat=heartbeat, election=election, options=options) for i in _MEMBERS),
            ledger_node(),
        ]

    def wiring(self, sites: Sequence[str]) -> Wiring:
        """Every server reaches every other's peer port, and its client port, which probes use."""
        servers = [self.nodes[name] for name in self.named("etcd")]
        peers = [
            (source.name, target.name, port)
            for source in servers
            for target in servers
            if source is not target
            for port in (target.port, *target.ports)
        ]
        return Wiring(nodes=list(self.nodes.values()), peers=peers, served=list(self.nodes), sites=sites)

    def ready(self, deadline: float = 30.0) -> str:
        """One leader that the two others follow, and a ledger that answers."""
        self.wait("a whole cluster", self._missing, deadline)
        self.ledger.remember()
        return f"{self.primary()} leads, two follow it"

    def _missing(self) -> str | None:
        said = self._statuses()
        roles = sorted(status.role if status else "down" for status in said.values())
        terms = {status.term for status in said.values() if status}
        if roles != ["follower", "follower", "leader"] or len(terms) != 1:
            return f"the servers are {roles} in terms {terms}"
        return None if self.ledger.role() == "master" else "the ledger does not answer"

    def _statuses(self) -> dict[str, Status | None]:
        def one(name: str) -> Status | None:
            with contextlib.suppress(NoAnswer):
                return self.servers[name].status()
            return None

        return side_by_side(self.servers, one)

    def reset(self, key: str) -> str:
        """Frozen servers thawed, dead ones started with what they kept, no leases and none of the lock's keys anywhere;
        the leader may be another one than before. A cluster that does not come together starts pristine."""
        dead = self.revive()
        side_by_side(dead, lambda name: self.platform.start_node(name, pristine=name == LEDGER))
        restarted = f", {', '.join(dead)} started again" if dead else ""
        try:
            proof = self.ready(_SETTLE_SECONDS)
        except HarnessError:
            side_by_side(self.servers, lambda name: self.platform.start_node(name, pristine=True))
            proof, restarted = self.ready(), ", all started pristine"
        self._clear(lock_prefix(key))
        self.ledger.wipe()
        return f"{proof}{restarted}; no leases, no keys of the lock on any server"

    def _clear(self, prefix: str) -> None:
        """End and remove what there is, until no server has any of it."""
        deadline = time.monotonic() + _CLEAR_SECONDS
        while True:
            try:
                left = self.servers[self.primary() or next(iter(self.servers))].clear(prefix)
                left += sum(len(server.items(prefix)) for server in self.servers.values())
                seen = f"{left} leases and keys"
            except NoAnswer as error:
                left, seen = 1, str(error)
            if not left:
                return
            if time.monotonic() > deadline:
                raise HarnessError(f"{prefix} was cleared for {_CLEAR_SECONDS:g} s, and still there is: {seen}")
            time.sleep(0.02)

    def roles(self) -> dict[str, str]:
        """Each server's own word; ``looking`` while it knows no leader, ``down`` when it does not answer."""
        said = {name: status.role if status else "down" for name, status in self._statuses().items()}
        return {**said, LEDGER: "standalone" if self.ledger.role() == "master" else "down"}

    def primary(self) -> str | None:
        """The leader of the latest term: one that was cut off may call itself leader for another while."""
        said = self._statuses()
        leaders = [(status.term, name) for name, status in said.items() if status and status.role == "leader"]
        return max(leaders)[1] if leaders else None

    def clock_ahead(self, node: str) -> Ahead:
        """The ledger's. etcd counts leases by the monotonic clock, and tells nobody its wall time."""
        if node == LEDGER:
            return self.ledger.clock_ahead()
        raise Unsupported(f"{node} does not tell its wall time, and counts leases by the monotonic clock")

    def versions(self) -> dict[str, str]:
        found = {status.version for status in self._statuses().values() if status}
        ledger = self.ledger.version()
        return {
            **({"etcd": ", ".join(sorted(found))} if found else {}),
            **({"redis-server": ledger} if ledger else {}),
        }

    def observer(self, key: str, writer: PartWriter) -> Observer:
        from nuclei.clusters.observers.etcd import EtcdWatch
        from nuclei.clusters.observers.polled import PollingObserver

        nodes = [self.nodes[name] for name in self.servers]
        prefix = lock_prefix(key)
        return PollingObserver(lambda stop: [EtcdWatch(self.platform, node, prefix, writer, stop) for node in nodes])

    def ping(self, site: str, node: str, timeout: float = 0.3) -> bool:
        """Its version, through the proxied loopback port."""
        if node == LEDGER:
            return self.ledger.ping(site, timeout)
        return answers(self.platform.endpoint(site, node), _PING, b"HTTP/1.0 200", timeout)

    def peer_ping(self, source: str, target: str, timeout: float = 0.5) -> bool:
        """Its version, asked at the client port from inside ``source``."""
        request = r"GET /version HTTP/1.0\r\n\r\n"
        return answers_inside(self.platform, source, self.nodes[target], request, "HTTP/1.0 200", timeout)


CLUSTER = ClusterEntry(
    name="etcd",
    summary="three etcd servers, majority writes, leases",
    make=Etcd,
    images=("etcd", "redis"),
    defaults=DEFAULTS,
)
