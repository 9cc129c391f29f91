"""The hub: one Toxiproxy container with a foot in every node's network, and loopback ports for the clients.

It is the only way between any two parties. Every node's name resolves, in every other node's container, to the hub's
address in that container's own network; the hub listens there on the target's port and dials the target's address in
the target's network. Measured and explained in docs/wiring.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nuclei.network
from nuclei.network.links import Link
from nuclei.platforms.base import HarnessError, Wiring
from nuclei.platforms.docker.addresses import Ports
from nuclei.platforms.docker.containers import Containers
from nuclei.platforms.docker.networks import Claimed
from nuclei.platforms.docker.wording import DockerRefused
from nuclei.platforms.port_link import PortLink

if TYPE_CHECKING:
    from nuclei.platforms.images import ImageChoice

CONTROL_PORT = 8474
_FIRST_SITE_PORT = 10001
_HOME = "/opt"
# Seconds; a leader opens its port within some tens of milliseconds of its election, more when the machine is busy.
_PATIENCE = 0.5
_SERVER = Path(nuclei.network.__file__).parent / "toxiproxy"


@dataclass(frozen=True)
class Gate:
    """A site's way to a node: the port inside the hub and, once claimed, the loopback port of the host."""

    site: str
    node: str
    inside: int


def gates(wiring: Wiring) -> list[Gate]:
    """One gate per site and served node."""
    pairs = [(site, node) for site in wiring.sites for node in wiring.served]
    return [Gate(site, node, _FIRST_SITE_PORT + i) for i, (site, node) in enumerate(pairs)]


def links(wiring: Wiring, edge: Claimed, networks: Mapping[str, Claimed]) -> list[Link]:
    """Every link with the address the hub listens on and the node's own address behind it."""
    ports = {node.name: node.port for node in wiring.nodes}
    found = [
        PortLink(gate.site, gate.node, f"{edge.subnet.proxy}:{gate.inside}", _upstream(networks, gate.node, ports))
        for gate in gates(wiring)
    ]
    pairs = [(source, target) for source, target, _ in wiring.peers]
    for source, target, port in wiring.peers:
        listen = f"{networks[source].subnet.proxy}:{port}"
        upstream = f"{networks[target].subnet.node}:{port}"
        # Several ports of one pair are links of their own; the name tells them apart.
        label = str(port) if pairs.count((source, target)) > 1 else ""
        found.append(PortLink(source, target, listen, upstream, label))
    return list(found)


def _upstream(networks: Mapping[str, Claimed], node: str, ports: Mapping[str, int]) -> str:
    return f"{networks[node].subnet.node}:{ports[node]}"


def command(image: ImageChoice, address: str, late: Sequence[int]) -> dict[str, Any]:
    """How the proxy server of this image is started; its control API listens on the edge network only.

    ``late``: upstream ports to be patient with, which only our own server can be.
    """
    if image.flavour == "official":
        return {"command": [f"-host={address}", f"-port={CONTROL_PORT}"]}
    argv = ["python3", "-m", "toxiproxy", "--host", address, "--port", str(CONTROL_PORT)]
    if late:
        argv += ["--patient", f"{','.join(map(str, late))}={_PATIENCE:g}"]
    return {"command": argv, "entrypoint": [], "environment": {"PYTHONPATH": _HOME, "PYTHONDONTWRITEBYTECODE": "1"}}


def start(
    containers: Containers,
    image: ImageChoice,
    wiring: Wiring,
    edge: Claimed,
    networks: Sequence[Claimed],
    ports: Ports,
) -> tuple[Any, dict[int, int]]:
    """Start the hub; returns its container and port inside → loopback port.

    When a loopback port is taken, the next one of the range takes its place. Raises HarnessError.
    """
    inside = [CONTROL_PORT, *(gate.inside for gate in gates(wiring))]
    published = dict(zip(inside, ports.take(len(inside)), strict=True))
    late = [port for node in wiring.nodes for port in node.late_ports]
    copied = [] if image.flavour == "official" else [(_SERVER, _HOME)]
    while True:
        try:
            container = containers.start(
                "proxy",
                image.reference,
                edge,
                address=edge.subnet.proxy,
                ports={f"{port}/tcp": ("127.0.0.1", host) for port, host in published.items()},
                copied=copied,
                **command(image, edge.subnet.proxy, late),
            )
        except DockerRefused as error:
            containers.discard("proxy")
            published = _without_taken(published, error, ports)
            continue
        for network in networks:
            containers.connect(container, network, network.subnet.proxy)
        return container, published


def _without_taken(published: Mapping[int, int], error: DockerRefused, ports: Ports) -> dict[int, int]:
    """The same ports with the one the daemon complained about replaced. Raises ``error`` for any other complaint."""
    if not re.search(r"address already in use|port is already allocated", error.said):
        raise error
    named = {int(port) for port in re.findall(r":(\d+)", error.said)} & set(published.values())
    taken = named or set(published.values())
    fresh = iter(ports.take(len(taken)))
    return {inside: next(fresh) if host in taken else host for inside, host in published.items()}


def died(log: str) -> HarnessError:
    """The proxy ended by itself."""
    return HarnessError(f"the proxy's container died during start; its last lines:\n{log}")
