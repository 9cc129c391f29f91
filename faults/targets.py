"""Who a fault hits: names, and the words ``primary``, ``leader`` and ``holder``."""

from __future__ import annotations

from faults.arena import Arena
from faults.grammar import BadArgument

IN_CHARGE = frozenset({"primary", "leader", "master"})


def node_target(arena: Arena, text: str) -> str:
    """A node's name from ``primary``/``leader`` or a name. Raises BadArgument for an unknown name."""
    if text in IN_CHARGE:
        return arena.primary()
    nodes = [node.name for node in arena.cluster.wiring([]).nodes if node.role != "ledger"]
    if text not in nodes:
        raise BadArgument(f"target={text}: no such node in {arena.cluster.name} (it has: primary, {', '.join(nodes)})")
    return text


def client_target(arena: Arena, text: str, trigger: str | None) -> str:
    """A client's name from ``holder`` (who triggered) or a name. Raises BadArgument."""
    if text == "holder" and trigger is not None:
        return trigger
    if text == "holder":
        inside = arena.watch.inside()
        return inside[0] if inside else sorted(arena.clients)[0]
    if text not in arena.clients:
        raise BadArgument(f"target={text}: no such client (there are: holder, {', '.join(arena.clients)})")
    return text
