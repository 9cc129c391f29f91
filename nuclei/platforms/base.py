"""The platform contract: where nodes run, and everything that can be done to them there.

A cluster describes its nodes and links once (:class:`NodeSpec`, :class:`Wiring`); a platform only runs them. What a
platform cannot do raises :class:`Unsupported` with the reason, and is never imitated.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from nuclei.locks.base import Endpoint

if TYPE_CHECKING:
    from nuclei.network.links import Links


NODE_HOME = "@home@"
"""Where a node's own files live, as the node sees it. This and the next are filled in by the platform (see
:class:`Place`) wherever they stand in a node's description or in a command that is run beside it."""
NODE_DATA = f"{NODE_HOME}/data"
"""Every node's one data directory (``dir`` of Redis, ``dataDir`` of ZooKeeper), empty at every pristine start."""
NODE_LISTEN = "@listen@"
"""The address a node's server listens on."""
NODE_SELF = "@self@"
"""The address at which a command that runs beside a node reaches its server, past every proxy."""


def node_host(name: str) -> str:
    """What a node calls another (or itself), and announces: a name that resolves differently at every source, or,
    where the platform cannot do that, an address."""
    return f"@host:{name}@"


def node_via(name: str) -> str:
    """The host at which a command that runs beside a node reaches another one the way its server does."""
    return f"@via:{name}@"


def node_direct(name: str) -> str:
    """The address at which a node that is among ``Wiring.direct`` is reached by the others, past every proxy."""
    return f"@direct:{name}@"


_MARK = re.compile(r"@(home|listen|self)@|@(host|via|direct):([\w.-]+)@")


class Place(NamedTuple):
    """What a platform fills in for one node; ``hosts``, ``vias``, ``direct`` by the name of the node they lead to."""

    home: str
    listen: str
    own: str
    hosts: Mapping[str, str]
    vias: Mapping[str, str]
    direct: Mapping[str, str] = MappingProxyType({})

    def fill(self, text: str) -> str:
        """``text`` with the marks of this module replaced. Raises KeyError for a node that does not exist."""

        def value(mark: re.Match[str]) -> str:
            plain, kind, name = mark.groups()
            if plain is not None:
                return {"home": self.home, "listen": self.listen, "self": self.own}[plain]
            return {"host": self.hosts, "via": self.vias, "direct": self.direct}[kind][name]

        return _MARK.sub(value, text)

    def settle(self, node: NodeSpec) -> NodeSpec:
        """The description with everything filled in."""
        return replace(
            node,
            command=[self.fill(word) for word in node.command],
            files={self.fill(path): self.fill(text) for path, text in node.files.items()},
            env={name: self.fill(value) for name, value in node.env.items()},
        )


class HarnessError(Exception):
    """Lockquake itself could not do its part: one sentence with what was tried, what was seen, what to do."""


class Unsupported(Exception):
    """This platform cannot do that; the message is the reason."""


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """One server process. ``image``: ``redis`` or ``zookeeper`` (see images). ``port``: its main listening port, the
    same number for everyone. ``ports``: further listening ports (ZooKeeper's quorum and election).

    ``files``: absolute path in the node → text, written before every pristine start. ``command``: argv. ``env``:
    environment. Paths and addresses in all of them are marks (``NODE_HOME``, ``NODE_LISTEN``, :func:`node_host` …).

    ``late_ports``: those of its ports that it opens only at times, and that peers may try a moment too early. A proxy
    accepts and closes what would have been refused, and not everybody retries that: where the proxy can, it dials
    again for a moment. ``capabilities``: what its container may do beyond nothing, by the kernel's names.
    """

    name: str
    role: str
    image: str
    port: int
    command: Sequence[str]
    ports: Sequence[int] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    late_ports: Sequence[int] = ()
    capabilities: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """Nodes and who talks to whom: ``peers`` are (source node, target node, target port); ``served`` are the nodes
    that clients connect to; ``sites`` the places clients run at (one listener per site and served node).

    ``names`` are stable names that clients are given in place of a node's: name → the served node that it leads to at
    first. The way through a name goes on through the site's own link to that node, so what is done to this link is done
    to whoever comes by the name; ``Links.lead`` makes it lead to another node.

    ``direct`` are nodes that reach each other past the proxy, because they spread one address of each other to
    everybody. Where a platform can drop their packets, there is a link for each ordered pair of them all the same.

    Links are named ``source>target``; where a pair of nodes has several ports, each is a link of its own named
    ``source>target.port``. Ask a link for its ``source`` and ``target`` instead of taking its name apart."""

    nodes: Sequence[NodeSpec]
    peers: Sequence[tuple[str, str, int]]
    served: Sequence[str]
    sites: Sequence[str]
    names: Mapping[str, str] = field(default_factory=dict)
    direct: Sequence[str] = ()


@dataclass(frozen=True)
class ExecResult:
    """What a command inside a node printed (stdout and stderr together) and its exit code."""

    code: int
    output: str


class Pipe(ABC):
    """A command running inside a node, with its stdin and stdout in our hands, line by line."""

    @abstractmethod
    def send(self, line: str) -> None:
        """Write one line. Raises HarnessError when the command has ended."""

    @abstractmethod
    def receive(self, timeout: float) -> str | None:
        """The next line without its newline; None when none came within ``timeout`` seconds.

        Raises EOFError when the command has ended."""

    @abstractmethod
    def close(self) -> None:
        """End the command; idempotent."""


class Platform(ABC):
    """A running set of nodes behind proxied links. All methods may be called from several threads."""

    name: str
    links: Links

    @abstractmethod
    def start(self, wiring: Wiring, rundir: Path, say: Callable[[str], None]) -> None:
        """Start proxy, links and all nodes. Configuration is also written under ``rundir``/config.

        Raises HarnessError (and leaves nothing behind) when a node does not start."""

    @abstractmethod
    def place(self, node: str) -> Place:
        """Where a node is: what its description and commands beside it are filled in with."""

    @abstractmethod
    def endpoint(self, site: str, node: str) -> Endpoint:
        """Where clients at ``site`` reach ``node``, a served one or a stable name (a loopback port, proxied by link
        ``site>node``)."""

    @abstractmethod
    def kill(self, node: str) -> str:
        """SIGKILL the node's server. Returns the evidence (observed exit). The address stays reserved."""

    @abstractmethod
    def start_node(self, node: str, *, pristine: bool = False) -> str:
        """Start a killed node again with the configuration it had (``pristine``: with its original configuration and
        empty data). Returns the evidence."""

    @abstractmethod
    def pause(self, node: str) -> str:
        """Freeze all processes of the node; returns the evidence once it is proven frozen."""

    @abstractmethod
    def resume(self, node: str) -> str:
        """Let a frozen node run again; idempotent. Returns the evidence."""

    def watch_others(self) -> None:  # noqa: B027 - a platform that cannot see others has nothing to begin
        """Begin to notice what others do to our nodes."""

    def disturbances(self) -> list[str]:
        """What was done to our nodes since :meth:`watch_others` by something other than us; one sentence each."""
        return []

    def set_clock(self, node: str, seconds: float) -> str:
        """Put the node's wall clock ``seconds`` ahead of ours (negative: behind; 0: as it was), also while its server
        runs. Returns the evidence. Raises Unsupported."""
        raise Unsupported(f"platform {self.name} cannot move the clock of {node}")

    def true_clocks(self) -> None:  # noqa: B027 - a platform that moves no clock has nothing to bring back
        """Put every node's wall clock back to ours."""

    @abstractmethod
    def state(self, node: str) -> str:
        """``running``, ``paused`` or ``exited``."""

    @abstractmethod
    def run(self, node: str, argv: Sequence[str], timeout: float = 5.0) -> ExecResult:
        """Run a command (its marks are filled in) inside the node's container or beside its process; one that is not
        done after ``timeout`` seconds is given up with exit code 124. Raises HarnessError where nothing can be run
        (node frozen or dead)."""

    @abstractmethod
    def pipe(self, node: str, argv: Sequence[str]) -> Pipe:
        """Start a long-lived command (its marks are filled in) beside the node's server, see :class:`Pipe`. Raises
        HarnessError as :meth:`run` does."""

    @abstractmethod
    def logs(self, node: str) -> str:
        """Everything the node's server has printed so far."""

    @abstractmethod
    def stop(self) -> None:
        """Stop and remove everything of this platform; idempotent, never raises half-way."""

    def __enter__(self) -> Platform:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
