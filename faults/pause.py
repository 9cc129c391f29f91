"""Pauses: everything of a node or a client stands still, and nobody is told (a long GC, a stopped VM, a swap storm)."""

from __future__ import annotations

from faults.base import FaultFamily
from faults.targets import client_target, node_target


class PauseNode(FaultFamily):
    """Freeze a node's processes; its TCP connections stay established and the kernel still acknowledges."""

    name = "pause-node"
    marker = "pause"
    summary = "freeze a server and let it go on later"
    parameters = {
        "target": ("primary", "primary (or leader), or a node's name"),
        "for": ("1.5x", "how long; x is the lock's lease or session"),
    }

    def inject(self, trigger: str | None) -> str:
        node = node_target(self.arena, self.param("target"))
        self.targets = [node]
        return self.arena.cluster.platform.pause(node)

    def heal(self) -> str:
        proof = "; ".join(self.arena.cluster.platform.resume(node) for node in self.targets)
        return f"{proof}; {self.arena.cluster.ready()}"


class PauseClient(FaultFamily):
    """Freeze the client that triggered (default: as soon as it was granted the lock) with SIGSTOP."""

    name = "pause-client"
    marker = "pause"
    summary = "freeze the holder's process and let it go on later"
    parameters = {
        "target": ("holder", "holder (the client that triggered), or a client's name"),
        "for": ("2x", "how long; x is the lock's lease or session"),
    }
    lingers = False

    def inject(self, trigger: str | None) -> str:
        client = client_target(self.arena, self.param("target"), trigger)
        self.targets = [client]
        proof = self.arena.clients[client].pause()
        self.arena.record_client(client, "paused")
        return proof

    def heal(self) -> str:
        proofs = []
        for client in self.targets:
            # The row comes first: what the client does after it was resumed must never be stamped before it.
            self.arena.record_client(client, "resumed")
            proofs.append(self.arena.clients[client].resume())
        return "; ".join(proofs)
