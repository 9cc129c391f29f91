"""The sockets of this machine as the kernel tells them (proc(5), /proc/net/tcp and its like), for tests."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple

LISTENING, ESTABLISHED = "0A", "01"


class Address(NamedTuple):
    host: IPv4Address | IPv6Address
    port: int


class Socket(NamedTuple):
    """``inode`` is 0 once no process has it open any more."""

    local: Address
    remote: Address
    state: str
    inode: str


def sockets(*tables: str) -> Iterator[Socket]:
    """All sockets in tables such as ``tcp6``."""
    for table in tables:
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            yield Socket(_address(fields[1]), _address(fields[2]), fields[3], fields[9])


def _address(text: str) -> Address:
    digits, _, port = text.partition(":")
    # The kernel prints words in the machine's own order.
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    host = ip_address(b"".join(struct.pack("=I", word) for word in words))
    mapped = host.ipv4_mapped if isinstance(host, IPv6Address) else None
    return Address(mapped or host, int(port, 16))


def listening() -> Iterator[Socket]:
    """Whatever takes connections or datagrams."""
    yield from (each for each in sockets("tcp", "tcp6") if each.state == LISTENING)
    yield from sockets("udp", "udp6")


def inodes(pid: int) -> set[str]:
    """The sockets that a process has open."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            link = os.readlink(entry)
        except OSError:
            continue
        if link.startswith("socket:["):
            found.add(link[len("socket:[") : -1])
    return found
