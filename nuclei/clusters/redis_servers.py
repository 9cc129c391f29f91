"""What the Redis clusters share: consoles into every node, asking them side by side, probes, resetting a server."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nuclei.clusters.base import Cluster, Settings
from nuclei.clusters.console import Console, ConsoleError, NoAnswer, Reply
from nuclei.clusters.probe import answers
from nuclei.clusters.redis_conf import LEDGER
from nuclei.locks.base import Endpoint, Surroundings
from nuclei.platforms.base import HarnessError, NodeSpec, Platform

Got = TypeVar("Got")

_ROLES = {"master": "primary", "slave": "replica", "sentinel": "sentinel"}
_SKIPPED_CONFIG = {"replicaof", "slaveof"}


class RedisServers(Cluster):
    """Base of the Redis clusters; ``nodes`` maps every node's name to its description, the ledger among them."""

    def __init__(self, platform: Platform, settings: Settings) -> None:
        super().__init__(platform, settings)
        self.nodes: dict[str, NodeSpec] = {node.name: node for node in self.describe()}
        self.consoles = {name: Console(platform, name, node.port) for name, node in self.nodes.items()}
        self._original: dict[str, Reply] = {}

    def describe(self) -> Sequence[NodeSpec]:
        """All nodes of the topology."""
        raise NotImplementedError

    def named(self, role: str) -> list[str]:
        """Names of the nodes of a role."""
        return [node.name for node in self.nodes.values() if node.role == role]

    def each(self, nodes: Iterable[str], act: Callable[[str], Got]) -> dict[str, Got]:
        """Do it for all nodes side by side; the first exception is raised once all are done."""
        names = list(nodes)
        with ThreadPoolExecutor(max(1, len(names)), thread_name_prefix="cluster") as pool:
            return dict(zip(names, pool.map(act, names), strict=True))

    def ask_each(self, nodes: Iterable[str], *words: str | float, timeout: float = 0.5) -> dict[str, Reply | None]:
        """The same command to several nodes at once; None for one that does not answer or answers an error."""

        def one(name: str) -> Reply | None:
            try:
                return self.consoles[name].ask(*words, timeout=timeout)
            except (NoAnswer, ConsoleError):
                return None

        return self.each(nodes, one)

    def wait(self, what: str, look: Callable[[], str | None], deadline: float) -> None:
        """Look until ``look`` finds nothing missing. Raises HarnessError with what was missing last, and at once
        when a node has died."""
        end = time.monotonic() + deadline
        while (missing := look()) is not None:
            for name in self.nodes:
                if self.platform.state(name) == "exited":
                    log = "\n".join(self.platform.logs(name).splitlines()[-15:])
                    raise HarnessError(f"{what}: {name} has died; its last lines:\n{log}")
            if time.monotonic() > end:
                raise HarnessError(f"{what} was waited for in vain for {deadline:g} s; last seen: {missing}")
            time.sleep(0.03)

    def revive(self) -> list[str]:
        """Thaw what is frozen and restore every link; returns the names of nodes that are dead."""
        errors = self.platform.links.restore_all()
        if errors:
            raise HarnessError(f"reset could not restore all links: {errors[0]}")
        states = self.each(self.nodes, self.platform.state)
        self.each([name for name, state in states.items() if state == "paused"], self.platform.resume)
        return [name for name, state in states.items() if state == "exited"]

    def remember_config(self) -> None:
        """Note every Redis server's configuration, to be brought back by :meth:`wipe`."""
        for name in (*self.named("redis"), LEDGER):
            self._original[name] = self.consoles[name].ask("CONFIG", "GET", "*", timeout=2.0)

    def clear_out(self, node: str) -> None:
        """The original configuration, no cached scripts, no clients but our own, sentinels and other servers: a
        command that a healed link delivers late must find its connection closed. Raises HarnessError."""
        console = self.consoles[node]
        try:
            own = console.ask("CLIENT", "ID")[0]
            clients = [dict(re.findall(r"(\w[\w-]*)=(\S*)", line)) for line in console.text("CLIENT", "LIST")]
            strangers = [c["id"] for c in clients if c["id"] != str(own) and _is_stranger(c)]
            changed = self._changed(node, console.ask("CONFIG", "GET", "*"))
            commands = [("CLIENT", "KILL", "ID", number) for number in strangers]
            commands += [("CONFIG", "SET", name, value) for name, value in changed]
            for command in (*commands, ("SCRIPT", "FLUSH")):
                with contextlib.suppress(ConsoleError):  # "No such client": it went by itself
                    console.ask(*command)
        except (NoAnswer, ConsoleError) as error:
            raise HarnessError(f"{node} could not be reset: {error}; look at its log in the run directory") from error

    def wipe(self, node: str) -> None:
        """:meth:`clear_out` and no keys. Raises HarnessError."""
        self.clear_out(node)
        try:
            _, left = self.consoles[node].ask_all([("FLUSHALL",), ("DBSIZE",)], timeout=5.0)
        except (NoAnswer, ConsoleError) as error:
            raise HarnessError(f"{node} could not be wiped: {error}; look at its log in the run directory") from error
        if left != [0]:
            raise HarnessError(f"{node} still holds {left} keys after FLUSHALL: somebody else is writing to it")

    def _changed(self, node: str, now: Reply) -> list[tuple[str, str]]:
        before = _pairs(self._original.get(node, []))
        return [
            (name, before[name])
            for name, value in _pairs(now).items()
            if name in before and before[name] != value and name not in _SKIPPED_CONFIG
        ]

    def roles(self) -> dict[str, str]:
        """Each node's own word. A frozen or dead node is ``down``."""
        said = self.ask_each(self.nodes, "ROLE")
        alone = len(self.named("redis")) == 1
        found = {}
        for name, reply in said.items():
            role = _ROLES.get(str(reply[0]), "down") if reply else "down"
            found[name] = "standalone" if role == "primary" and (alone or name == LEDGER) else role
        return found

    def versions(self) -> dict[str, str]:
        """The version every node's server tells (they run on one image)."""
        try:
            return {"redis-server": self.consoles[LEDGER].info("server")["redis_version"]}
        except (NoAnswer, ConsoleError, KeyError):
            return {}

    def ping(self, site: str, node: str, timeout: float = 0.3) -> bool:
        """PING through the proxied loopback port."""
        return answers(self.platform.endpoint(site, node), b"PING\r\n", b"+PONG\r\n", timeout)

    def peer_ping(self, source: str, target: str, timeout: float = 0.5) -> bool:
        """PING from inside ``source`` to the name of ``target``. False as well where ``source`` cannot run it."""
        argv = ["timeout", "-s", "KILL", f"{timeout:g}"]
        argv += ["redis-cli", "-h", target, "-p", str(self.nodes[target].port), "PING"]
        try:
            # An exec takes a while to start; that is not the link's doing.
            return self.platform.run(source, argv, timeout + 3.0).output.strip() == "PONG"
        except HarnessError:
            return False

    def surroundings(self, site: str, settings: Settings) -> Surroundings:
        """Loopback ports of all served nodes, and the book from announced names to them."""
        served = self.wiring([]).served
        endpoints: dict[str, Endpoint] = {name: self.platform.endpoint(site, name) for name in served}
        roles: dict[str, list[str]] = {}
        for name in served:
            roles.setdefault(self.nodes[name].role, []).append(name)
        book = {f"{name}:{self.nodes[name].port}": endpoint for name, endpoint in endpoints.items()}
        return Surroundings(
            cluster=self.name,
            endpoints=endpoints,
            nodes=roles,
            address_book=book,
            settings={**self.settings, **settings},
        )


def _is_stranger(client: dict[str, str]) -> bool:
    """Neither a replica's (S) nor a primary's (M) nor a sentinel's connection."""
    return not client.get("name", "").startswith("sentinel-") and not set("SM") & set(client.get("flags", ""))


def _pairs(reply: Reply) -> dict[str, str]:
    return {str(reply[i]): str(reply[i + 1]) for i in range(0, len(reply) - 1, 2)}
