"""Which addresses and host ports a run uses: small subnets from a block, loopback ports from a range.

Both are claimed by trying, never by checking beforehand: a check races with a second run on the same machine. The
starting points are drawn at random so that two runs rarely try the same thing at all.
"""

from __future__ import annotations

import ipaddress
import os
import random
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nuclei.platforms.base import HarnessError

SUBNETS_VARIABLE = "LOCKQUAKE_SUBNETS"
PORTS_VARIABLE = "LOCKQUAKE_PORTS"
DEFAULT_SUBNETS = "10.203.0.0/16"
# Below the kernel's ephemeral range (32768 and up), which hands out ports to every outgoing connection.
DEFAULT_PORTS = "20000-29999"
_PREFIX = 29
NEEDED_SUBNETS = 35
"""What all clusters side by side take: a subnet for every node, and one for the clients' side."""
NEEDED_PORTS = 126
"""Likewise: for every cluster one of the proxy itself, and one per served node or name for three clients and for the
runner."""


@dataclass(frozen=True)
class Subnet:
    """Eight addresses: the bridge's own, the proxy's and the node's; or more, for several nodes."""

    network: ipaddress.IPv4Network

    @property
    def gateway(self) -> str:
        """The bridge's address on the host; nothing of ours listens there."""
        return str(self.network[1])

    @property
    def proxy(self) -> str:
        """Toxiproxy's address in this network."""
        return str(self.network[2])

    @property
    def node(self) -> str:
        """The node's address in this network, the first one's where there are several."""
        return self.place(0)

    def place(self, number: int) -> str:
        """The address of node ``number`` (0, 1, …) in this network. Raises IndexError when it has no more."""
        return str(list(self.network.hosts())[2 + number])


class Subnets:
    """Every subnet of a block once, from a random one on, without those the host has routes to. Thread-safe.

    Raises HarnessError for a block that is none.
    """

    def __init__(self, block: str | None = None, routes: Iterable[ipaddress.IPv4Network] | None = None) -> None:
        text = block or os.environ.get(SUBNETS_VARIABLE) or DEFAULT_SUBNETS
        try:
            self.block = ipaddress.IPv4Network(text)
        except ValueError as error:
            raise HarnessError(
                f"{SUBNETS_VARIABLE}={text} is no block of IPv4 addresses ({error}); give one like {DEFAULT_SUBNETS}"
            ) from error
        self.count = 1 << (_PREFIX - self.block.prefixlen) if self.block.prefixlen <= _PREFIX else 0
        if not self.count:
            raise HarnessError(self.too_small())
        count = self.count
        self._routes = list(host_routes() if routes is None else routes)
        self._order = self._from(random.randrange(count), count)
        self._lock = threading.Lock()

    def _from(self, first: int, count: int) -> Iterator[Subnet]:
        size = 1 << (32 - _PREFIX)
        for step in range(count):
            address = int(self.block.network_address) + (first + step) % count * size
            network = ipaddress.IPv4Network((address, _PREFIX))
            if not any(network.overlaps(route) for route in self._routes):
                yield Subnet(network)

    def too_small(self) -> str | None:
        """Why the main job cannot run in this block, with the remedy; None where it has room enough."""
        if self.count >= NEEDED_SUBNETS:
            return None
        return (
            f"{SUBNETS_VARIABLE}={self.block} is too small: it has {self.count} subnets (/{_PREFIX}), and the main job "
            f"takes {NEEDED_SUBNETS}; name a larger private block, like {DEFAULT_SUBNETS}"
        )

    def take(self, nodes: int = 1) -> Subnet:
        """The next one, or the next two as one when there is no room for so many nodes in it. Raises HarnessError when
        the block is used up."""
        found = self._next()
        while not _room(found.network, nodes):
            wide = found.network.supernet()
            found = self._next()
            if found.network.supernet() == wide:
                found = Subnet(wide)
        return found

    def _next(self) -> Subnet:
        with self._lock:
            subnet = next(self._order, None)
        if subnet is None:
            raise HarnessError(
                self.too_small()
                or f"no free subnet in {self.block}: it is used up by Docker networks and routes of this host; "
                f"name another private block with {SUBNETS_VARIABLE}, or remove unused networks "
                "(`docker network prune`)"
            )
        return subnet


def _room(network: ipaddress.IPv4Network, nodes: int) -> bool:
    """Whether a network has addresses for the bridge, the proxy, so many nodes, and the network itself."""
    return network.num_addresses - 4 >= nodes


def host_routes(table: Path = Path("/proc/net/route")) -> list[ipaddress.IPv4Network]:
    """The networks this host has routes to, its default route apart; empty where /proc does not say."""
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return []
    found = []
    for line in lines:
        fields = line.split()
        destination, mask = (int.from_bytes(bytes.fromhex(fields[i]), "little") for i in (1, 7))
        if mask:
            found.append(ipaddress.IPv4Network((destination & mask, mask.bit_count())))
    return found


class Ports:
    """Host ports of a range, each handed out once, from a random one on. Thread-safe.

    Raises HarnessError for a range that is none.
    """

    def __init__(self, span: str | None = None) -> None:
        text = span or os.environ.get(PORTS_VARIABLE) or DEFAULT_PORTS
        low, _, high = text.partition("-")
        if not (low.isdigit() and high.isdigit() and 0 < int(low) <= int(high) < 65536):
            raise HarnessError(f"{PORTS_VARIABLE}={text} is no range of ports; give one like {DEFAULT_PORTS}")
        self.span = f"{low}-{high}"
        self.count = count = int(high) - int(low) + 1
        first = random.randrange(count)
        self._order = (int(low) + (first + step) % count for step in range(count))
        self._lock = threading.Lock()

    def too_small(self) -> str | None:
        """Why the main job cannot run with this range, with the remedy; None where it has ports enough."""
        if self.count >= NEEDED_PORTS:
            return None
        return (
            f"{PORTS_VARIABLE}={self.span} is too small: it has {self.count} ports, and the main job takes "
            f"{NEEDED_PORTS}; name a larger range, like {DEFAULT_PORTS}"
        )

    def take(self, count: int) -> list[int]:
        """The next ``count`` ports. Raises HarnessError when the range is used up."""
        with self._lock:
            taken = [port for _, port in zip(range(count), self._order, strict=False)]
        if len(taken) < count:
            raise HarnessError(
                self.too_small()
                or f"no free ports left in {self.span}: other runs and programs have the rest; name "
                f"another range with {PORTS_VARIABLE} (like {DEFAULT_PORTS})"
            )
        return taken
