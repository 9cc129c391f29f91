"""Redis Cluster as its own nodes see it: CLUSTER NODES, read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nuclei.clusters.console import Console, ConsoleError, NoAnswer

_ASK_SECONDS = 0.5


@dataclass(frozen=True)
class Known:
    """One node as another sees it. ``slots``: first and last of every range that it serves."""

    ident: str
    flags: frozenset[str]
    epoch: int
    slots: tuple[tuple[int, int], ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is held against it."""
        return not self.flags & {"fail", "fail?", "handshake", "noaddr"}

    def serves(self, slot: int) -> bool:
        """Whether a slot is its own."""
        return any(first <= slot <= last for first, last in self.slots)


def read_nodes(lines: Sequence[str]) -> list[Known]:
    """The answer to CLUSTER NODES; slots on the move (``[5-<-…]``) belong to nobody here."""
    found = []
    for line in lines:
        words = line.split()
        if len(words) < 8:
            continue
        ranges = [word.partition("-") for word in words[8:] if not word.startswith("[")]
        slots = tuple((int(first), int(last or first)) for first, _, last in ranges)
        found.append(Known(words[0], frozenset(words[2].split(",")), int(words[6]), slots))
    return found


def nodes_seen_by(console: Console) -> list[Known]:
    """What a node knows of all; empty when it does not answer."""
    try:
        return read_nodes(console.text("CLUSTER", "NODES", timeout=_ASK_SECONDS))
    except (NoAnswer, ConsoleError):
        return []


def state_by(console: Console) -> str:
    """``ok`` or ``fail``: whether a node takes the cluster for able to serve; ``silent`` when it does not answer."""
    try:
        lines = console.text("CLUSTER", "INFO", timeout=_ASK_SECONDS)
    except (NoAnswer, ConsoleError):
        return "silent"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("cluster_state:")), "silent")
