"""Where a run's nodes are: their addresses and homes, and what they call each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nuclei.platforms.base import Place
from nuclei.platforms.process.blocks import Block
from nuclei.platforms.wires import Addresses


@dataclass(frozen=True)
class Layout:
    """``nodes`` in a block of addresses and a directory. ``named``: nodes have names for each other, which lead to the
    proxy; else they call each other by their own addresses, past it."""

    block: Block
    home: Path
    nodes: Sequence[str]
    named: bool

    def own(self, name: str) -> str:
        """A node's own address."""
        return self.block.node(self.nodes.index(name))

    def place(self, name: str) -> Place:
        """What a node's description is filled in with."""
        own = {other: self.own(other) for other in self.nodes}
        around = self.block.proxied(self.nodes.index(name))
        vias = {other: own[other] if other == name or not self.named else around for other in self.nodes}
        hosts = {other: other for other in self.nodes} if self.named else own
        return Place(str(self.home / name), own[name], own[name], hosts=hosts, vias=vias, direct=own)

    def addresses(self) -> Addresses:
        """Where the proxy listens, and for whom."""
        return Addresses(
            own={name: self.own(name) for name in self.nodes},
            proxied={name: self.block.proxied(number) for number, name in enumerate(self.nodes)},
            gates=self.block.gates,
        )
