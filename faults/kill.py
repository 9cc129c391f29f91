"""Kills: SIGKILL, nothing is flushed and nobody is told, but the kernel closes the sockets."""

from __future__ import annotations

from faults.base import FaultFamily
from faults.targets import client_target, node_target


class KillNode(FaultFamily):
    """SIGKILL a server; on heal it starts again with whatever its persistence kept (default: none)."""

    name = "kill-node"
    marker = "kill"
    summary = "kill -9 a server and start it again later"
    parameters = {
        "target": ("primary", "primary (or leader), or a node's name"),
        "for": ("0.2x", "how long it stays down; x is the lock's lease or session"),
    }
    # A server that forgets lets others in only while the holder's lease still runs: longer than a restart takes.
    suggests = {"lock.ttl": 6.0}

    def inject(self, trigger: str | None) -> str:
        node = node_target(self.arena, self.param("target"))
        self.targets = [node]
        return self.arena.cluster.platform.kill(node)

    def heal(self) -> str:
        proof = "; ".join(self.arena.cluster.platform.start_node(node) for node in self.targets)
        return f"{proof}; {self.arena.cluster.serving()}"


class KillClient(FaultFamily):
    """SIGKILL the client that triggered; it stays dead."""

    name = "kill-client"
    marker = "kill"
    summary = "kill -9 the holder's process"
    parameters = {
        "target": ("holder", "holder (the client that triggered), or a client's name"),
        "for": ("0s", "how long to wait before the trial goes on; a killed client never comes back"),
    }
    lingers = "not"

    def inject(self, trigger: str | None) -> str:
        client = client_target(self.arena, self.param("target"), trigger)
        self.targets = [client]
        proof = self.arena.clients[client].kill()
        self.arena.record_client(client, "killed", proof.asked, why="fault")
        return proof.evidence

    def heal(self) -> str:
        return "a killed client stays dead: nothing to heal"
