"""Partitions: some links carry nothing for a while.

A partition is a black hole unless ``how`` says otherwise: ``stall`` delivers late after the heal, ``close`` is what a
crash looks like to the peers (Jepsen's partitions drop packets; see docs/proxy.md for what a proxy cannot imitate).
"""

from __future__ import annotations

from typing import cast

from faults.arena import Arena
from faults.base import FaultFamily
from faults.schedule import FaultSpec
from faults.sides import crossing, ends, pairs
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

    choices = {
        "side": ("primary", "primary+client", "client"),
        "how": ("black-hole", "stall", "close"),
        "ledger": ("keep", "cut"),
    }

    def __init__(self, spec: FaultSpec, arena: Arena) -> None:
        super().__init__(spec, arena)
        self._links = arena.cluster.platform.links
        self._cut: list[str] = []

    def inject(self, trigger: str | None) -> str:
        side = self.param("side")
        how = self.param("how")
        client = trigger or sorted(self.arena.clients)[0]
        if side == "client":
            self._cut = self._client_links(client)
            self.targets = [client]
        else:
            primary = self.arena.primary()
            self.targets = [primary] + ([client] if side == "primary+client" else [])
            friends = {self.arena.sites[client]} if side == "primary+client" else set()
            self._cut = crossing(self.arena, {primary} | friends)
        self._links.cut(self._cut, cast(How, how))
        return self.arena.prove(pairs(self._cut), carry=False)

    def heal(self) -> str:
        self._links.restore(self._cut)
        proof = self.arena.prove(pairs(self._cut), carry=True, within=10.0)
        return f"{proof}; {self.arena.cluster.ready()}"

    def _client_links(self, client: str) -> list[str]:
        wanted = set(self.arena.served()) | ({"ledger"} if self.param("ledger") == "cut" else set())
        return [name for name in self._links.names(source=self.arena.sites[client]) if ends(name)[1] in wanted]
