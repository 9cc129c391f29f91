"""The cluster contract: one topology described once, and what a trial needs to know of it while it runs.

One file per topology with one module constant ``CLUSTER`` (a :class:`ClusterEntry`), found by the registry.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from histories.write import PartWriter
from nuclei.clusters.clocks import Ahead
from nuclei.locks.base import Endpoint, Surroundings
from nuclei.platforms.base import Platform, Unsupported, Wiring

Settings = Mapping[str, float | int | str | bool]


class Observer(ABC):
    """Watches the servers' own truth during one trial, never through a proxy, and writes ``role`` and ``server``
    rows (and ``blind``/``seeing`` when it could not see, for example while its node was frozen)."""

    @abstractmethod
    def start(self) -> None:
        """Begin to watch; returns when every node is being seen (raises HarnessError after a deadline)."""

    @abstractmethod
    def stop(self) -> None:
        """Stop watching within 2 s, whatever state the nodes are in; idempotent."""


class Cluster(ABC):
    """A topology bound to a platform. ``settings`` are the cluster's (``--set cluster.NAME=VALUE``), seconds for
    times."""

    name: str

    def __init__(self, platform: Platform, settings: Settings) -> None:
        self.platform = platform
        self.settings = settings

    @abstractmethod
    def wiring(self, sites: Sequence[str]) -> Wiring:
        """Nodes (the ledger among them) and links."""

    @abstractmethod
    def ready(self, deadline: float = 30.0) -> str:
        """Wait until the cluster is proven ready; returns the evidence. Raises HarnessError with the last
        observation after ``deadline`` seconds."""

    def serving(self, deadline: float = 30.0) -> str:
        """Like :meth:`ready`, but whole enough to serve clients is enough: what a cluster tidies up by and by after a
        failover (a former primary that is to become a replica) is not waited for."""
        return self.ready(deadline)

    @abstractmethod
    def reset(self, key: str) -> str:
        """Back to a pristine, ready cluster without any trace of ``key`` or earlier trials; every node running,
        nothing cut. Returns the evidence. Must be cheap (well under a second where no failover happened)."""

    @abstractmethod
    def roles(self) -> dict[str, str]:
        """Node → role as the node itself says now (``primary``, ``replica``, ``leader``, ``follower``, ``sentinel``,
        ``standalone``, ``down``)."""

    @abstractmethod
    def primary(self) -> str | None:
        """The node in charge of the lock now, as the cluster's own majority sees it, or None."""

    def replicas(self, primary: str) -> list[str]:
        """The nodes that may be promoted in the place of ``primary``: all replicas, where there is one primary."""
        return [node for node, role in self.roles().items() if role == "replica"]

    def successor(self, old: str) -> str | None:
        """The node that is in charge in the place of ``old`` now, None while there is none."""
        primary = self.primary()
        return primary if primary != old else None

    def promote(self, old: str) -> str:
        """What an operator does once the primary ``old`` is lost; returns the evidence. Nothing (an empty text) where
        the cluster promotes by itself. Raises HarnessError."""
        return ""

    def rejoin(self, old: str) -> str:
        """What an operator does with a former primary that is back; returns the evidence. Nothing (an empty text) where
        the cluster takes it in by itself. Raises HarnessError."""
        return ""

    def hand_over(self, old: str) -> str:
        """Move the role of the primary ``old`` in order: its replica has everything before it takes over. Returns the
        evidence. Raises HarnessError, Unsupported where a topology has no such procedure."""
        raise Unsupported(f"{self.name} has no procedure that hands the primary's role over without loss")

    @abstractmethod
    def observer(self, key: str, writer: PartWriter) -> Observer:
        """An observer for one trial on the lock ``key``."""

    @abstractmethod
    def ping(self, site: str, node: str, timeout: float = 0.3) -> bool:
        """Whether ``node`` answers a request sent through link ``site>node`` (a probe of that link)."""

    @abstractmethod
    def peer_ping(self, source: str, target: str, timeout: float = 0.5) -> bool:
        """Whether ``target`` answers a request sent from inside ``source`` through their link."""

    @abstractmethod
    def surroundings(self, site: str, settings: Settings) -> Surroundings:
        """What a client at ``site`` is told; ``settings`` (the lock's) are passed on, with the cluster's own."""

    def clock_ahead(self, node: str) -> Ahead:
        """How far the node's wall clock is ahead of ours now, by its own word. Raises Unsupported for a node that
        cannot be asked, HarnessError for one that does not answer."""
        raise Unsupported(f"{node} cannot be asked for its wall time")

    def problems(self) -> list[str]:
        """What happened to the servers since the last reset that makes a trial worthless (a Sentinel in TILT mode,
        for example), one sentence each; the runner reports them as harness errors."""
        return []

    def knows(self, node: str, key: str) -> bool:
        """Whether ``node`` itself holds the lock's key now, asked without crossing a link. Raises HarnessError when it
        does not answer, Unsupported where a cluster has no such notion."""
        raise Unsupported(f"{self.name} cannot tell whether one node alone holds a key")

    def versions(self) -> dict[str, str]:
        """Versions of the servers by name, for the history's header."""
        return {}

    def quorum_side(self, primary: str) -> list[str]:
        """The nodes that must be on the other side when ``primary`` is isolated (all other nodes, ledger apart)."""
        return [n.name for n in self.wiring([]).nodes if n.name != primary and n.role != "ledger"]


@dataclass(frozen=True, kw_only=True)
class ClusterEntry:
    """A topology as the registry knows it. ``nodes``: how many servers. ``defaults``: settings with defaults.
    ``replicates``: whether it may have replicas that can be promoted without what the primary had acknowledged.
    ``hands_over``: whether it has a procedure that moves the primary's role without loss. ``minority_stops``: whether a
    primary that hears no majority ceases to grant by itself, within about a second. ``no_failover``: why there is no
    failover where ``replicates`` is not set, if not for lack of replicas."""

    name: str
    summary: str
    make: Callable[[Platform, Settings], Cluster]
    images: Sequence[str]
    defaults: Settings = field(default_factory=dict)
    replicates: bool = False
    hands_over: bool = False
    minority_stops: bool = False
    no_failover: str = ""


__all__ = ["Cluster", "ClusterEntry", "Endpoint", "Observer", "Settings", "Surroundings"]
