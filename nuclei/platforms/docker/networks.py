"""Private networks, claimed by trying: when a subnet is taken the daemon says so, and the next one is tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nuclei.platforms.docker.addresses import Subnet, Subnets
from nuclei.platforms.docker.wording import DockerRefused, explained

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True)
class Claimed:
    """A network of ours: its name, id and addresses."""

    name: str
    id: str
    subnet: Subnet


def claim(
    client: DockerClient, name: str, subnets: Subnets, labels: Mapping[str, str], *, internal: bool, nodes: int = 1
) -> Claimed:
    """Create the network ``name`` for so many nodes on the first free subnet. ``internal``: no way out, not even to the
    host's routes.

    Raises HarnessError when the block is used up or the daemon refuses for another reason.
    """
    from docker.types import IPAMConfig, IPAMPool

    while True:
        subnet = subnets.take(nodes)
        pool = IPAMPool(subnet=str(subnet.network), gateway=subnet.gateway)
        try:
            with explained(f"create network {name} on {subnet.network}"):
                made = client.api.create_network(
                    name,
                    driver="bridge",
                    internal=internal,
                    ipam=IPAMConfig(pool_configs=[pool]),
                    labels=dict(labels),
                )
        except DockerRefused as error:
            # "Pool overlaps with other one on this address space", or the bridge driver's "networks have
            # overlapping IPv4" when another run claimed it between the pool and the bridge.
            if "overlap" in error.said.lower():
                continue
            raise
        return Claimed(name, str(made["Id"]), subnet)
