"""Three or five ZooKeeper servers: sessions, ephemeral nodes, and a majority that agrees on every write.

Unlike Redis it keeps what it acknowledged: a restarted node comes back with its data, and a leader that loses its
majority steps down.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from functools import partial

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer, Settings
from nuclei.clusters.clocks import Ahead
from nuclei.clusters.console import NoAnswer
from nuclei.clusters.four_letters import Answer, FourLetters
from nuclei.clusters.probe import answers, answers_inside
from nuclei.clusters.redis_conf import LEDGER, ledger_node
from nuclei.clusters.redis_server import RedisServer
from nuclei.clusters.tended import TendedCluster, side_by_side
from nuclei.clusters.zookeeper_conf import zookeeper_node
from nuclei.clusters.zookeeper_tree import leader_ahead, remove_tree
from nuclei.platforms.base import HarnessError, NodeSpec, Platform, Unsupported, Wiring

_SERVERS = 3
# How long a healed ensemble may take to be whole again before all of it is started anew.
_SETTLE_SECONDS = 8.0
_REMOVE_SECONDS = 10.0
_LEADER_SECONDS = 5.0

DEFAULTS: dict[str, float | int | str | bool] = {
    "servers": _SERVERS,
    "session": 4.0,
    "tick": 0.5,
    "init_limit": 4,
    "sync_limit": 4,
    "zoo_cfg": "",
}


class ZooKeeper(TendedCluster):
    """``zk-1`` to ``zk-N`` and the ledger.

    Settings: ``servers`` (3 or 5, of which 1 or 2 may fail), ``session`` (seconds, told to clients), ``tick``
    (seconds), ``init_limit`` and ``sync_limit`` (ticks: a follower that is not in sync with the leader for 4 × 0.5 s is
    dropped, a leader that hears no majority for as long steps down), ``zoo_cfg`` (own lines).
    """

    name = "zookeeper"

    def __init__(self, platform: Platform, settings: Settings) -> None:
        super().__init__(platform, {**DEFAULTS, **settings})
        self.ledger = RedisServer(platform, self.nodes[LEDGER])
        self.servers = [name for name in self.nodes if name != LEDGER]
        self.words = {name: FourLetters(platform, name, self.nodes[name].port) for name in self.servers}
        self._sites: Sequence[str] = ()

    def describe(self) -> Sequence[NodeSpec]:
        members = range(1, int(self.settings["servers"]) + 1)
        return [*(self._server(number, members) for number in members), ledger_node()]

    def _server(self, number: int, members: Sequence[int]) -> NodeSpec:
        return zookeeper_node(
            number,
            members,
            tick=float(self.settings["tick"]),
            init_limit=int(self.settings["init_limit"]),
            sync_limit=int(self.settings["sync_limit"]),
            overlay=str(self.settings["zoo_cfg"]),
        )

    def wiring(self, sites: Sequence[str]) -> Wiring:
        """Every server reaches every other's quorum and election port, and its client port, which probes use."""
        if sites:
            self._sites = list(sites)
        servers = [self.nodes[name] for name in self.servers]
        peers = [
            (source.name, target.name, port)
            for source in servers
            for target in servers
            if source is not target
            for port in (target.port, *target.ports)
        ]
        return Wiring(nodes=list(self.nodes.values()), peers=peers, served=list(self.nodes), sites=sites)

    def ready(self, deadline: float = 30.0) -> str:
        """One leader, all followers in sync with it, and a ledger that answers. ``deadline`` is for three servers: of
        five each starts more slowly on the same processors, and there are more of them to wait for."""
        self.wait("a whole ensemble", self._missing, deadline * (len(self.servers) / _SERVERS) ** 2)
        self.ledger.remember()
        return f"{self._leader()} leads, {len(self.servers) - 1} followers are in sync with it"

    def _missing(self) -> str | None:
        said = self._ask_each("srvr", "mntr")
        modes = {name: answer.mode if answer else "no answer" for name, answer in said.items()}
        leaders = [answer for answer in said.values() if answer and answer.mode == "leader"]
        followers = len(self.servers) - 1
        if sorted(map(str, modes.values())) != [*["follower"] * followers, "leader"]:
            return f"the servers say {modes}"
        if leaders[0].synced != followers:
            return f"{leaders[0].synced} followers are in sync"
        return None if self.ledger.role() == "master" else "the ledger does not answer"

    def _ask_each(self, *words: str, timeout: float = 0.5) -> dict[str, Answer | None]:
        def one(name: str) -> Answer | None:
            with contextlib.suppress(NoAnswer):
                return self.words[name].ask(*words, timeout=timeout)
            return None

        return side_by_side(self.servers, one)

    def reset(self, key: str) -> str:
        """Frozen nodes thawed, dead ones started with the data they kept, the lock's nodes removed everywhere; the
        leader may be another one than before. An ensemble that does not come together starts pristine."""
        dead = self.revive()
        side_by_side(dead, lambda name: self.platform.start_node(name, pristine=name == LEDGER))
        restarted = f", {', '.join(dead)} started again" if dead else ""
        try:
            proof = self.ready(_SETTLE_SECONDS)
        except HarnessError:
            side_by_side(self.servers, lambda name: self.platform.start_node(name, pristine=True))
            proof, restarted = self.ready(), ", all started pristine"
        removed = self._remove(key)
        self.ledger.wipe()
        return f"{proof}{restarted}; {removed} nodes of the lock removed, none left on any server"

    def _remove(self, key: str) -> int:
        """Remove the lock's tree and wait until no server holds an ephemeral of it."""
        path = lock_root(key)
        endpoints = [self.platform.endpoint(self._sites[0], name) for name in self.servers]
        removed = remove_tree(endpoints, path)
        deadline = time.monotonic() + _REMOVE_SECONDS
        while True:
            said = self._ask_each("dump")
            left = {
                name: [node for node in answer.ephemerals if belongs(node, path)] if answer else "no answer"
                for name, answer in said.items()
            }
            if not any(left.values()):
                return removed
            if time.monotonic() > deadline:
                raise HarnessError(f"{path} was removed, but {_REMOVE_SECONDS:g} s later there is still {left}")
            time.sleep(0.02)

    def roles(self) -> dict[str, str]:
        """Each server's own word; ``looking`` while it has no leader, ``down`` when it does not answer."""
        said = self._ask_each("srvr")
        servers = {name: (answer.mode if answer else None) or "down" for name, answer in said.items()}
        return {**servers, LEDGER: "standalone" if self.ledger.role() == "master" else "down"}

    def primary(self) -> str | None:
        """The leader of the latest epoch: one that was cut off may call itself leader for another sync limit."""
        said = self._ask_each("srvr", "mntr", timeout=0.3)
        leaders = [
            (answer.epoch, name)
            for name, answer in said.items()
            if answer and answer.mode == "leader" and answer.synced >= len(self.servers) // 2
        ]
        return max(leaders)[1] if leaders else None

    def clock_ahead(self, node: str) -> Ahead:
        """The leader's, from the birth of a node that it is asked to make; what followers think shows nowhere."""
        if node == LEDGER:
            return self.ledger.clock_ahead()
        if (leader := self._leader()) != node:
            raise Unsupported(
                f"only a ZooKeeper leader says its wall time, and {node} is none (the leader is {leader})"
            )
        ahead = leader_ahead([self.platform.endpoint(self._sites[0], name) for name in self.servers])
        if self._leader() != node:
            raise HarnessError(f"{node} ceased to lead while it was asked for its wall time")
        return ahead

    def _leader(self) -> str:
        """The leader; one reading may fail on a busy machine. Raises HarnessError."""
        deadline = time.monotonic() + _LEADER_SECONDS
        while (leader := self.primary()) is None:
            if time.monotonic() > deadline:
                raise HarnessError(f"there was no leader for {_LEADER_SECONDS:g} s; the servers say {self.roles()}")
            time.sleep(0.02)
        return leader

    def versions(self) -> dict[str, str]:
        found = {answer.version for answer in self._ask_each("srvr").values() if answer and answer.version}
        ledger = self.ledger.version()
        return {
            **({"zookeeper": ", ".join(sorted(found))} if found else {}),
            **({"redis-server": ledger} if ledger else {}),
        }

    def observer(self, key: str, writer: PartWriter) -> Observer:
        from nuclei.clusters.observers.polled import PollingObserver
        from nuclei.clusters.observers.zookeeper_node import ZooKeeperNodeWatch

        ports = {name: self.nodes[name].port for name in self.servers}
        watch = partial(ZooKeeperNodeWatch, self.platform)
        path = lock_root(key)
        return PollingObserver(lambda stop: [watch(name, port, path, writer, stop) for name, port in ports.items()])

    def ping(self, site: str, node: str, timeout: float = 0.3) -> bool:
        """``ruok`` through the proxied loopback port."""
        if node == LEDGER:
            return self.ledger.ping(site, timeout)
        return answers(self.platform.endpoint(site, node), b"ruok", b"imok", timeout)

    def peer_ping(self, source: str, target: str, timeout: float = 0.5) -> bool:
        """``ruok`` to the client port: a probe of the election port would hold its listener up for a sync limit."""
        return answers_inside(self.platform, source, self.nodes[target], "ruok", "imok", timeout)


def belongs(node: str, root: str) -> bool:
    """Whether a node lies in a lock's tree, or in one that a recipe puts beside it (kazoo's Semaphore does)."""
    return node.startswith((f"{root}/", f"{root}-"))


def lock_root(key: str) -> str:
    """The node all recipes of this project put a lock under: one level below the root."""
    return "/" + key.strip("/").replace("/", "-")


CLUSTER = ClusterEntry(
    name="zookeeper",
    summary="three or five ZooKeeper servers, majority writes, sessions",
    make=ZooKeeper,
    images=("zookeeper", "redis"),
    defaults=DEFAULTS,
)
