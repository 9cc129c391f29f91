"""The hub: one Toxiproxy container with a foot in every node's network, and loopback ports for the clients.

It is the only way between any two parties. Every node's name resolves, in every other node's container, to the hub's
address in that container's own network; the hub listens there on the target's port and dials the target's address in
the target's network. Measured and explained in docs/wiring.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nuclei.network
from nuclei.network.links import Link
from nuclei.platforms import wires
from nuclei.platforms.base import HarnessError, Wiring
from nuclei.platforms.docker.addresses import Ports
from nuclei.platforms.docker.containers import Containers
from nuclei.platforms.docker.networks import Claimed
from nuclei.platforms.docker.wording import DockerRefused

if TYPE_CHECKING:
    from nuclei.platforms.images import ImageChoice

_HOME = "/opt"
_SERVER = Path(nuclei.network.__file__).parent / "toxiproxy"


def links(wiring: Wiring, edge: Claimed, networks: Mapping[str, Claimed], own: Mapping[str, str]) -> list[Link]:
    """Every proxied link with the address the hub listens on and the node's own address behind it."""
    proxied = {node: network.subnet.proxy for node, network in networks.items()}
    return wires.links(wiring, wires.Addresses(own, proxied, edge.subnet.proxy))


def command(image: ImageChoice, address: str, late: Sequence[int]) -> dict[str, Any]:
    """How the proxy server of this image is started; its control API listens on the edge network only.

    ``late``: upstream ports to be patient with, which only our own server can be.
    """
    if image.flavour == "official":
        return {"command": [f"-host={address}", f"-port={wires.CONTROL_PORT}"]}
    argv = ["python3", "-m", "toxiproxy", *wires.proxy_arguments(address, late)]
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
    inside = [wires.CONTROL_PORT, *(gate.inside for gate in wires.gates(wiring))]
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
