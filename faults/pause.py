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
    lingers = "once-healed"

    def inject(self, trigger: str | None) -> str:
        client = client_target(self.arena, self.param("target"), trigger)
        self.targets = [client]
        proof = self.arena.clients[client].pause()
        self.arena.record_client(client, "paused", proof.proven)
        return proof.evidence

    def heal(self) -> str:
        proofs = []
        for client in self.targets:
            process = self.arena.clients[client]
            if not process.alive:
                proofs.append(f"{client} has ended meanwhile")
                continue
            proof = process.resume()
            # Stamped when it was asked: what the client does afterwards must never lie before its resume.
            self.arena.record_client(client, "resumed", proof.asked)
            proofs.append(proof.evidence)
        return "; ".join(proofs)
