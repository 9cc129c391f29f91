"""Which links run between two sides of the network, and which of them are worth probing."""

from __future__ import annotations

from collections.abc import Iterable

from faults.arena import Arena


def ends(link: str) -> tuple[str, str]:
    """Source and target node of a link's name: ``zk-1>zk-2.2888`` → (``zk-1``, ``zk-2``)."""
    source, _, target = link.partition(">")
    return source, target.partition(".")[0]


def pairs(links: Iterable[str]) -> list[str]:
    """The pairs of ends of some links, each once: several ports of one pair share their fate."""
    return sorted({">".join(ends(link)) for link in links})


def crossing(arena: Arena, inside: set[str]) -> list[str]:
    """All links between {nodes and sites inside} and everybody else, both ways. The ledger is on both sides, and the
    runner's own links are nobody's."""
    servers = {node.name for node in arena.cluster.wiring([]).nodes if node.role != "ledger"}
    known = servers | set(arena.sites.values())
    found = []
    for name in arena.cluster.platform.links.names():
        source, target = ends(name)
        if source in known and target in servers and (source in inside) != (target in inside):
            found.append(name)
    return found
