"""An etcd server as configuration, and asked beside it through its JSON gateway.

Source: etcd, "gRPC gateway": requests are JSON by POST, keys and values in base64, numbers of 64 bits as text.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nuclei.clusters.console import NoAnswer
from nuclei.clusters.line_loop import LineLoop, escaped
from nuclei.locks.etcd_gateway import after, in_base64
from nuclei.platforms.base import NODE_DATA, NODE_LISTEN, NodeSpec, Platform, node_host

CLIENT_PORT, PEER_PORT = 2370, 2470


def etcd_node(number: int, members: Sequence[int], *, heartbeat: float, election: float, options: str) -> NodeSpec:
    """``etcd-NUMBER`` of a cluster; times in seconds. ``options``: the user's own, last.

    It writes to the disk's cache only: SIGKILL loses nothing that was written, only a power cut would."""
    name, port, peer = f"etcd-{number}", CLIENT_PORT + number, PEER_PORT + number
    cluster = ",".join(f"etcd-{i}=http://{node_host(f'etcd-{i}')}:{PEER_PORT + i}" for i in members)
    flags = {
        "name": name,
        "data-dir": NODE_DATA,
        "listen-client-urls": f"http://{NODE_LISTEN}:{port}",
        "advertise-client-urls": f"http://{node_host(name)}:{port}",
        "listen-peer-urls": f"http://{NODE_LISTEN}:{peer}",
        "initial-advertise-peer-urls": f"http://{node_host(name)}:{peer}",
        "initial-cluster": cluster,
        "heartbeat-interval": f"{heartbeat * 1000:.0f}",
        "election-timeout": f"{election * 1000:.0f}",
        "logger": "zap",
        "log-level": "warn",
    }
    command = ["etcd", *(f"--{flag}={value}" for flag, value in flags.items()), "--unsafe-no-fsync", "--pre-vote"]
    return NodeSpec(
        name=name, role="etcd", image="etcd", port=port, ports=(peer,), command=[*command, *options.split()]
    )


@dataclass(frozen=True)
class Status:
    """What a server says of itself. ``role``: ``leader``, ``follower``, or ``looking`` while it knows no leader."""

    role: str
    term: int
    version: str


@dataclass(frozen=True)
class Item:
    """A key that is there: its value, the lease it lives in, and the revision that made it."""

    key: str
    value: str
    lease: int
    created: int


class EtcdServer:
    """The server of ``node``; nothing of it crosses a proxy. Thread-safe."""

    def __init__(self, platform: Platform, node: NodeSpec) -> None:
        self.name = node.name
        self._loop = LineLoop(platform, node.name, node.port)

    @property
    def run(self) -> str:
        """When the process began that gave the latest answer."""
        return self._loop.run

    def ask(self, path: str, body: Mapping[str, Any], timeout: float = 0.5) -> dict[str, Any]:
        """One request and its answer. Raises NoAnswer, also for an error of the server's."""
        text = json.dumps(body)
        lines = self._loop.ask(escaped(f"POST {path} HTTP/1.0\r\nContent-Length: {len(text)}\r\n\r\n{text}"), timeout)
        if not lines or " 200" not in lines[0]:
            raise NoAnswer(f"{self.name} says {lines[-1] if lines else 'nothing'} to {path}")
        try:
            return dict(json.loads(lines[-1]))
        except ValueError as error:
            raise NoAnswer(f"{self.name} broke off its answer to {path}: {error}") from error

    def status(self, timeout: float = 0.5) -> Status:
        """Raises NoAnswer."""
        said = self.ask("/v3/maintenance/status", {}, timeout)
        leader = said.get("leader", "0")
        role = "looking" if leader == "0" else "leader" if leader == said["header"]["member_id"] else "follower"
        return Status(role, int(said.get("raftTerm", 0)), str(said.get("version", "")))

    def items(self, prefix: str, timeout: float = 0.5) -> list[Item]:
        """The keys below a prefix as this server alone knows them. Raises NoAnswer."""
        wanted = {"key": in_base64(prefix), "range_end": in_base64(after(prefix)), "serializable": True}
        found = self.ask("/v3/kv/range", wanted, timeout).get("kvs", [])
        return [
            Item(_text(kv["key"]), _text(kv.get("value", "")), int(kv.get("lease", 0)), int(kv["create_revision"]))
            for kv in found
        ]

    def leases(self, timeout: float = 0.5) -> list[int]:
        """The leases that are alive. Raises NoAnswer."""
        return [int(lease["ID"]) for lease in self.ask("/v3/lease/leases", {}, timeout).get("leases", [])]

    def clear(self, prefix: str) -> int:
        """End every lease and remove every key below a prefix; how many there were. Raises NoAnswer."""
        leases = self.leases()
        for lease in leases:
            self.ask("/v3/lease/revoke", {"ID": str(lease)}, 2.0)
        wanted = {"key": in_base64(prefix), "range_end": in_base64(after(prefix))}
        return len(leases) + int(self.ask("/v3/kv/deleterange", wanted, 2.0).get("deleted", 0))

    def close(self) -> None:
        """End what runs beside the server."""
        self._loop.close()


def _text(encoded: str) -> str:
    return b64decode(encoded).decode(errors="replace")
