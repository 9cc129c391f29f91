"""Partitions: some links carry nothing for a while.

A partition is a black hole unless ``how`` says otherwise: ``stall`` delivers late after the heal, ``close`` is what a
crash looks like to the peers (Jepsen's partitions drop packets; see docs/proxy.md for what a proxy cannot imitate).
"""

from __future__ import annotations

from typing import cast

from faults.base import FaultFamily
from faults.grammar import BadArgument
from nuclei.network.links import How


class Partition(FaultFamily):
    """Cut the links between two sides: ``side=primary`` isolates the primary from everybody, ``side=primary+client``
    puts the triggering client on the primary's side, ``side=client`` cuts that client from all servers."""

    name = "partition"
    marker = "partition"
    summary = "cut the links between two sides of the network"
    parameters = {
        "side": ("primary", "who is alone: primary, primary+client, or client"),
        "how": ("black-hole", "black-hole, stall or close"),
        "for": ("1.5x", "how long it lasts; x is the lock's lease or session"),
        "ledger": ("keep", "side=client only: cut the client from the ledger as well (cut) or not (keep)"),
    }

    def __init__(self, spec, arena) -> None:  # type: ignore[no-untyped-def]
        super().__init__(spec, arena)
        self._cut: list[str] = []

    def inject(self, trigger: str | None) -> str:
        side = self.param("side")
        how = self.param("how")
        if side not in {"primary", "primary+client", "client"}:
            raise BadArgument(f"side={side}: a partition's side is primary, primary+client or client")
        if how not in {"black-hole", "stall", "close"}:
            raise BadArgument(f"how={how}: a partition is black-hole, stall or close")
        client = trigger or sorted(self.arena.clients)[0]
        if side == "client":
            self._cut = self._client_links(client)
            self.targets = [client]
        else:
            primary = self.arena.primary()
            self.targets = [primary] + ([client] if side == "primary+client" else [])
            self._cut = self._around(primary, client if side == "primary+client" else None)
        self.arena.cluster.platform.links.cut(self._cut, cast(How, how))
        return self.arena.prove(probes(self._cut), carry=False)

    def heal(self) -> str:
        self.arena.cluster.platform.links.restore(self._cut)
        proof = self.arena.prove(probes(self._cut), carry=True, within=10.0)
        return f"{proof}; {self.arena.cluster.ready()}"

    def _client_links(self, client: str) -> list[str]:
        site = self.arena.sites[client]
        links = self.arena.cluster.platform.links
        servers = set(self.arena.served())
        return [n for n in links.names(source=site) if n.split(">")[1] in servers or self.param("ledger") == "cut"]

    def _around(self, primary: str, friend: str | None) -> list[str]:
        """All links across the cut {primary, friend} | everybody else. The ledger is on both sides."""
        inside = {primary} | ({self.arena.sites[friend]} if friend else set())
        servers = {node.name for node in self.arena.cluster.wiring([]).nodes if node.role != "ledger"}
        crossing = []
        for name in self.arena.cluster.platform.links.names():
            source, target = name.split(">")
            if target in servers and (source in inside) != (target in inside):
                crossing.append(name)
        return crossing


def probes(links: list[str]) -> list[str]:
    """Of the cut links, those worth probing: one per pair of ends (several ports of one pair share their fate)."""
    return sorted({">".join(link.split(":")[0].split(">")) for link in links})
