"""A wiring as addresses: which listener of the proxy stands for which target, at which source.

Every node has one address of its own, and one at which the proxy stands for all others: a target keeps its port
everywhere, only its name leads somewhere else at every source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nuclei.network.links import Link
from nuclei.network.packets import DirectLink
from nuclei.platforms.base import Wiring
from nuclei.platforms.port_link import PortLink

CONTROL_PORT = 8474
_FIRST_SITE_PORT = 10001
PATIENCE = 0.5
"""Seconds for which the proxy dials late ports again; a leader opens its port within some tens of milliseconds of its
election, more when the machine is busy."""


@dataclass(frozen=True)
class Gate:
    """A site's way to a node, or to a stable name: the port at which the proxy stands for it."""

    site: str
    node: str
    inside: int


@dataclass(frozen=True)
class Addresses:
    """``own``: every node's own address. ``proxied``: source node → where the proxy stands for all others. ``gates``:
    where it listens for the sites."""

    own: Mapping[str, str]
    proxied: Mapping[str, str]
    gates: str


def gates(wiring: Wiring) -> list[Gate]:
    """One gate per site and served node or stable name."""
    pairs = [(site, node) for site in wiring.sites for node in (*wiring.served, *wiring.names)]
    return [Gate(site, node, _FIRST_SITE_PORT + i) for i, (site, node) in enumerate(pairs)]


def links(wiring: Wiring, addresses: Addresses) -> list[Link]:
    """Every link, with the address the proxy listens on and the node's own address behind it; behind a stable name is
    the gate of the node that it leads to."""
    listens = {(gate.site, gate.node): f"{addresses.gates}:{gate.inside}" for gate in gates(wiring)}
    behind = {node.name: f"{addresses.own[node.name]}:{node.port}" for node in wiring.nodes}
    found: list[Link] = []
    for (site, node), listen in listens.items():
        upstream = listens[site, wiring.names[node]] if node in wiring.names else behind[node]
        found.append(PortLink(site, node, listen, upstream))
    pairs = [(source, target) for source, target, _ in wiring.peers]
    for source, target, port in wiring.peers:
        listen, upstream = f"{addresses.proxied[source]}:{port}", f"{addresses.own[target]}:{port}"
        # Several ports of one pair are links of their own; the name tells them apart.
        label = str(port) if pairs.count((source, target)) > 1 else ""
        found.append(PortLink(source, target, listen, upstream, label))
    return found


def direct_links(wiring: Wiring, own: Mapping[str, str]) -> list[DirectLink]:
    """One for each ordered pair of the nodes that reach each other past the proxy; ``own``: their addresses."""
    ports = {node.name: (node.port, *node.ports) for node in wiring.nodes}
    return [
        DirectLink(source, target, "", f"{own[target]}:{ports[target][0]}", ports[target])
        for source in wiring.direct
        for target in wiring.direct
        if source != target
    ]


def proxy_arguments(address: str, late: Sequence[int]) -> list[str]:
    """The command line of our own proxy server: where its control API listens, which ports to be patient with."""
    arguments = ["--host", address, "--port", str(CONTROL_PORT)]
    return [*arguments, "--patient", f"{','.join(map(str, late))}={PATIENCE:g}"] if late else arguments
