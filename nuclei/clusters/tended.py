"""What every topology does to its nodes: act on several side by side, wait for readiness, revive them for a reset."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nuclei.clusters.base import Cluster, Settings
from nuclei.locks.base import Surroundings
from nuclei.platforms.base import HarnessError, NodeSpec, Platform

Got = TypeVar("Got")


def side_by_side(names: Iterable[str], act: Callable[[str], Got]) -> dict[str, Got]:
    """Do it for all names at once; the first exception is raised once all are done."""
    wanted = list(names)
    with ThreadPoolExecutor(max(1, len(wanted)), thread_name_prefix="cluster") as pool:
        return dict(zip(wanted, pool.map(act, wanted), strict=True))


class TendedCluster(Cluster):
    """Base of the topologies; ``nodes`` maps every node's name to its description, the ledger among them."""

    def __init__(self, platform: Platform, settings: Settings) -> None:
        super().__init__(platform, settings)
        self.nodes: dict[str, NodeSpec] = {node.name: node for node in self.describe()}

    def describe(self) -> Sequence[NodeSpec]:
        """All nodes of the topology. Called once, when ``settings`` are set."""
        raise NotImplementedError

    def named(self, role: str) -> list[str]:
        """Names of the nodes of a role."""
        return [node.name for node in self.nodes.values() if node.role == role]

    def wait(
        self, what: str, missing: Callable[[], str | None], deadline: float, among: Sequence[str] | None = None
    ) -> None:
        """Look until nothing is missing. Raises HarnessError with what was missing last when ``deadline`` seconds
        have passed, and at once when a node (one of ``among``, where only these should run) has died."""
        end = time.monotonic() + deadline
        while (seen := missing()) is not None:
            for name in among or self.nodes:
                if self.platform.state(name) == "exited":
                    log = "\n".join(self.platform.logs(name).splitlines()[-15:])
                    raise HarnessError(f"{name} died while {what} was waited for; its last lines:\n{log}")
            if time.monotonic() > end:
                raise HarnessError(f"{what} was waited for in vain for {deadline:g} s; last seen: {seen}")
            time.sleep(0.03)

    def revive(self) -> list[str]:
        """Restore every link, true every clock and thaw what is frozen; returns the names of nodes that are dead."""
        errors = self.platform.links.restore_all()
        if errors:
            raise HarnessError(f"reset could not restore all links: {errors[0]}")
        self.platform.true_clocks()
        states = side_by_side(self.nodes, self.platform.state)
        side_by_side([name for name, state in states.items() if state == "paused"], self.platform.resume)
        return [name for name, state in states.items() if state == "exited"]

    def surroundings(self, site: str, settings: Settings) -> Surroundings:
        """Loopback ports of all served nodes, and the book from announced names to them."""
        served = self.wiring([]).served
        endpoints = {name: self.platform.endpoint(site, name) for name in served}
        hosts = self.platform.place(served[0]).hosts
        roles: dict[str, list[str]] = {}
        for name in served:
            roles.setdefault(self.nodes[name].role, []).append(name)
        return Surroundings(
            cluster=self.name,
            endpoints=endpoints,
            nodes=roles,
            address_book={f"{hosts[name]}:{self.nodes[name].port}": endpoint for name, endpoint in endpoints.items()},
            settings={**self.settings, **settings},
        )
