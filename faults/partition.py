"""Partitions: some links carry nothing for a while.

A partition is a black hole unless ``how`` says otherwise: ``stall`` delivers late after the heal, ``close`` is what a
crash looks like to the peers (Jepsen's partitions drop packets; see docs/proxy.md for what a proxy cannot imitate).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from faults.arena import Arena
from faults.base import FaultFamily
from faults.grammar import BadArgument
from faults.schedule import FaultSpec
from faults.sides import crossing, ends, pairs
from faults.targets import client_target
from nuclei.clusters.redis_conf import LEDGER
from nuclei.network.links import How
from nuclei.platforms.choice import Ability


class Partition(FaultFamily):
    """Cut the links between two sides: ``side=primary`` isolates the primary from everybody, ``side=primary+client``
    puts the triggering client on the primary's side, ``with`` some other servers too; ``side=client`` cuts that
    client, or the one that ``target`` names, from all servers or from some."""

    name = "partition"
    marker = "partition"
    summary = "cut the links between two sides of the network"
    parameters = {
        "side": ("primary", "who is alone: primary, primary+client, or client"),
        "with": ("0", "not side=client: how many other servers are on the primary's side, drawn from all"),
        "how": ("black-hole", "black-hole, stall or close"),
        "for": ("1.5x", "how long it lasts; x is the lock's lease or session"),
        "target": ("holder", "side=client only: holder (the client that triggered), or a client's name"),
        "from": ("all", "side=client only: all servers, or the names of some: redis-4+redis-5, or ledger alone"),
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

    @classmethod
    def check(cls, spec: FaultSpec) -> None:
        """``target`` and ``from`` say which client is cut off from whom. Raises BadArgument."""
        super().check(spec)
        for key in ("target", "from"):
            if key in spec.params and spec.params.get("side") != "client":
                raise BadArgument(f"{key}={spec.params[key]}: give side=client as well, to cut off a client")
        beside = spec.params.get("with", "0")
        if not (beside.isascii() and beside.isdecimal()):
            raise BadArgument(f"with={beside}: how many other servers stay with the primary is a number, such as 1")
        if beside != "0" and spec.params.get("side") == "client":
            raise BadArgument(f"with={beside}: a client that is cut off alone has no servers with it")

    @classmethod
    def check_names(cls, spec: FaultSpec, nodes: Sequence[str], clients: Sequence[str]) -> None:
        """Also of the servers a client is cut from. Raises BadArgument."""
        super().check_names(spec, nodes, clients)
        chosen = spec.params.get("from", "all")
        if chosen not in {"all", LEDGER} and (unknown := sorted(set(chosen.split("+")) - set(nodes))):
            may_be = f"all, {LEDGER}, or {'+'.join(nodes)}"
            raise BadArgument(f"from={chosen}: no such node: {unknown[0]!r} (it may be {may_be})")
        beside = int(spec.params.get("with", "0"))
        if beside > max(0, len(nodes) - 2):
            raise BadArgument(f"with={beside}: of {len(nodes)} servers at least one must be left on the other side")

    @classmethod
    def needs(cls, spec: FaultSpec, *, linked: bool) -> frozenset[Ability]:
        between_nodes = linked and spec.params.get("side", cls.parameters["side"][0]) != "client"
        return frozenset({"links-between-nodes"} if between_nodes else ())

    def inject(self, trigger: str | None) -> str:
        side = self.param("side")
        how = self.param("how")
        client = trigger or sorted(self.arena.clients)[0]
        if side == "client":
            client = client_target(self.arena, self.param("target"), client)
            self._cut = self._client_links(client)
            self.targets = [client]
        else:
            servers = [primary := self.arena.primary(), *self._beside(primary)]
            self.targets = servers + ([client] if side == "primary+client" else [])
            friends = {self.arena.sites[client]} if side == "primary+client" else set()
            self._cut = crossing(self.arena, {*servers} | friends)
        self._links.cut(self._cut, cast(How, how))
        return self.arena.prove(pairs(self._cut), carry=False)

    def heal(self) -> str:
        self._links.restore(self._cut)
        proof = self.arena.prove(pairs(self._cut), carry=True, within=10.0)
        return f"{proof}; {self.arena.cluster.ready()}"

    def _beside(self, primary: str) -> list[str]:
        """Other servers on the primary's side."""
        others = [n.name for n in self.arena.cluster.wiring([]).nodes if n.role != "ledger" and n.name != primary]
        return sorted(self.arena.random.sample(others, int(self.param("with"))))

    def _client_links(self, client: str) -> list[str]:
        chosen = self.param("from")
        wanted = set(self.arena.served() if chosen == "all" else chosen.split("+"))
        wanted |= {LEDGER} if self.param("ledger") == "cut" else set()
        return [name for name in self._links.names(source=self.arena.sites[client]) if ends(name)[1] in wanted]
