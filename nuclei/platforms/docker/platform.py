"""The docker platform: nodes in containers, wired through the hub, claimed by trying and swept by label."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from nuclei.locks.base import Endpoint
from nuclei.network.control import ProxyControl, ProxyControlError
from nuclei.network.links import Links
from nuclei.network.packets import PacketFilter
from nuclei.platforms import images, sweep, wires
from nuclei.platforms.base import ExecResult, HarnessError, NodeSpec, Pipe, Place, Platform, Wiring
from nuclei.platforms.config_files import write_config
from nuclei.platforms.docker import boot, containers, hub, stream
from nuclei.platforms.docker.addresses import Ports, Subnets
from nuclei.platforms.docker.containers import Containers
from nuclei.platforms.docker.networks import Claimed, claim
from nuclei.platforms.docker.outsiders import OwnActs, acts_of_others
from nuclei.platforms.docker.wording import explained
from nuclei.platforms.docker_daemon import connect, daemon_address
from nuclei.platforms.line_pipe import LinePipe

CALL_SECONDS = 60
_PROXY_SECONDS = 15.0
_RENEW_SECONDS = 8.0
START_SWEEP_SECONDS = 5.0
"""A start does not wait for long on what a dead run left and will not go: it is in nobody's way."""

_PARALLEL = 12
_EDGE, _DIRECT = "edge", "direct"
"""Networks beside those of single nodes: the clients' side, and the one of nodes that reach each other directly."""
_ALL_INTERFACES = "0.0.0.0"  # of a container, whose only network is internal


class DockerPlatform(Platform):
    """Nodes in containers. ``run_id`` labels everything this run creates.

    ``subnets``: block of private addresses; ``ports``: range of loopback ports (``low-high``); both default to the
    environment's LOCKQUAKE_SUBNETS and LOCKQUAKE_PORTS. ``given``: image name → reference from the user's options.
    """

    name = "docker"

    def __init__(
        self,
        *,
        subnets: str | None = None,
        ports: str | None = None,
        given: Mapping[str, str] | None = None,
        run_id: str | None = None,
    ) -> None:
        self.run_id = run_id or secrets.token_hex(4)
        self._subnets, self._ports, self._given = Subnets(subnets), Ports(ports), given
        self._stopping = threading.Lock()
        self._pipes: set[LinePipe] = set()
        self._beginning: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._renewers: dict[str, Pipe] = {}
        self._containers: Containers | None = None
        self._nodes: dict[str, Any] = {}
        self._networks: dict[str, Claimed] = {}
        self._own_at: dict[str, str] = {}
        """Every node's own address."""
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._own = OwnActs()
        self._client = connect(timeout=CALL_SECONDS)
        if not daemon_address().startswith("unix:"):
            self._client.close()
            raise HarnessError(
                f"the Docker daemon at {daemon_address()} is not on this machine: clients reach nodes through loopback "
                "ports, so it must be a local one; unset DOCKER_HOST"
            )

    def start(self, wiring: Wiring, rundir: Path, say: Callable[[str], None]) -> None:
        """Networks, hub, links, nodes. Raises HarnessError and leaves nothing behind when a part does not start."""
        try:
            self._start(wiring, rundir, say)
        except BaseException:
            self.stop()
            raise

    def _start(self, wiring: Wiring, rundir: Path, say: Callable[[str], None]) -> None:
        if swept := sweep.sweep_everything_dead(self._client, START_SWEEP_SECONDS):
            say(f"docker: swept what a dead run had left: {swept}")
        choices = {name: self._image(name) for name in {"toxiproxy", *(node.image for node in wiring.nodes)}}
        labels = sweep.labels(self.run_id)
        self._containers = Containers(self._client, f"lockquake-{self.run_id}", labels, CALL_SECONDS)
        names = {node.name: node.name for node in wiring.nodes}
        began = time.monotonic()
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="docker-start") as pool:
            say(f"docker: the networks, the proxy, {len(wiring.nodes)} nodes (run {self.run_id})")
            edge = self._claim_networks(pool, wiring, labels)
            self._place = Place(boot.HOME, _ALL_INTERFACES, "127.0.0.1", hosts=names, vias=names, direct=self._own_at)
            wiring = replace(wiring, nodes=[self._place.settle(node) for node in wiring.nodes])
            write_config(wiring.nodes, rundir / "config")
            self._start_hub(choices["toxiproxy"], wiring, edge)
            list(pool.map(lambda node: self._create(node, wiring, choices[node.image].reference), wiring.nodes))
        for name in self._nodes:
            self.require_running(name)
        say(f"docker: all containers run after {time.monotonic() - began:.1f} s")

    def _image(self, name: str) -> images.ImageChoice:
        return images.resolve(name, given=self._given, client=self._client)

    def _claim_networks(self, pool: ThreadPoolExecutor, wiring: Wiring, labels: Mapping[str, str]) -> Claimed:
        def one(name: str) -> Claimed:
            full = f"lockquake-{self.run_id}-{name}"
            nodes = len(wiring.direct) if name == _DIRECT else 1
            return claim(self._client, full, self._subnets, labels, internal=name != _EDGE, nodes=nodes)

        alone = [node.name for node in wiring.nodes if node.name not in wiring.direct]
        names = [*alone, _EDGE, *([_DIRECT] if wiring.direct else [])]
        found = dict(zip(names, pool.map(one, names), strict=True))
        self._networks = {node.name: found[node.name if node.name in alone else _DIRECT] for node in wiring.nodes}
        self._own_at = {name: self._networks[name].subnet.node for name in alone}
        self._own_at |= {name: found[_DIRECT].subnet.place(number) for number, name in enumerate(wiring.direct)}
        return found[_EDGE]

    def _start_hub(self, image: images.ImageChoice, wiring: Wiring, edge: Claimed) -> None:
        assert self._containers is not None
        feet = list({network.id: network for network in self._networks.values()}.values())
        proxy, published = hub.start(self._containers, image, wiring, edge, feet, self._ports)
        control = ProxyControl("127.0.0.1", published[wires.CONTROL_PORT])
        packets = PacketFilter(self.pipe, lambda node: self.state(node) != "exited")
        direct = wires.direct_links(wiring, self._own_at)
        self.links = Links(control, hub.links(wiring, edge, self._networks, self._own_at), direct, packets)
        try:
            control.wait_until_answering(_PROXY_SECONDS)
            self.links.establish()
        except ProxyControlError as error:
            if containers.word(containers.state(proxy)) == "exited":
                raise hub.died(boot.tail(_log(proxy))) from error
            raise HarnessError(f"{error} Its last lines:\n{boot.tail(_log(proxy))}") from error
        for gate in wires.gates(wiring):
            self._endpoints[gate.site, gate.node] = Endpoint("127.0.0.1", published[gate.inside])

    def _create(self, node: NodeSpec, wiring: Wiring, image: str) -> None:
        assert self._containers is not None
        network, own = self._networks[node.name], self._own_at
        direct = node.name in wiring.direct
        others = {
            other.name: own[other.name] if direct and other.name in wiring.direct else network.subnet.proxy
            for other in wiring.nodes
        }
        self._nodes[node.name] = self._containers.start(
            node.name,
            image,
            network,
            address=own[node.name],
            command=[str(word) for word in node.command],
            entrypoint=boot.entrypoint(),
            environment={**node.env, **boot.environment(node.files)},
            hosts={**others, node.name: own[node.name]},
            copied=[(text.encode(), path) for path, text in node.files.items()],
            capabilities=[*node.capabilities, *(["NET_ADMIN"] if direct else [])],
        )

    def place(self, node: str) -> Place:
        return self._place

    def endpoint(self, site: str, node: str) -> Endpoint:
        """The loopback port of the link ``site>node``. Raises KeyError for a site or node that is not served."""
        return self._endpoints[site, node]

    def kill(self, node: str) -> str:
        if (renewer := self._renewers.pop(node, None)) is not None:
            renewer.close()  # it dies with the container
        if self.state(node) != "exited":
            self._own.did(self._nodes[node].name, "die")
        return f"{node} {containers.kill(self._nodes[node])}"

    def start_node(self, node: str, *, pristine: bool = False) -> str:
        """Start a killed node again. ``pristine``: with its original files and no data; one that runs is renewed in
        place, its server killed and started again by the container's first process."""
        container = self._nodes[node]
        state = self.state(node)
        if state != "exited":
            return self._renew(node) if pristine else f"{node} was {state} already"
        if pristine:
            with explained(f"mark {node} for a pristine start"):
                container.put_archive("/", boot.mark())
        with explained(f"start {node}"):
            container.start()
        found = self.require_running(node)
        address = self._own_at[node]
        seen = container.attrs["NetworkSettings"]["Networks"][self._networks[node].name]["IPAddress"]
        if seen != address:
            raise HarnessError(f"{node} came back with address {seen} instead of {address}: links would miss it")
        kind = "pristine" if pristine else "with what it had kept"
        return f"{node} started {kind} at {found['StartedAt']}, address {seen} as before"

    def _renew(self, node: str) -> str:
        self.resume(node)
        try:
            if node not in self._renewers:
                self._renewers[node] = self.pipe(node, boot.renewer())
            self._renewers[node].send("again")
            answer = self._renewers[node].receive(_RENEW_SECONDS)
        except (EOFError, HarnessError) as error:
            self._renewers.pop(node, None)
            raise HarnessError(f"{node} could not be renewed: {error}; {self._condition(node)}") from error
        before, _, after = (answer or "").partition(" ")
        if not after or before == after:
            raise HarnessError(f"{node}'s server was not started again in time ({answer}); {self._condition(node)}")
        return f"{node} started pristine in place, process {before} became {after}"

    def _condition(self, node: str) -> str:
        return f"it is {self.state(node)}, its last lines:\n{boot.tail(self.logs(node))}"

    def pause(self, node: str) -> str:
        self._own.did(self._nodes[node].name, "pause")
        with self._beginning[node]:
            return f"{node} {containers.pause(self._nodes[node])}"

    def resume(self, node: str) -> str:
        return f"{node} {containers.resume(self._nodes[node])}"

    def watch_others(self) -> None:
        """Count from now on what others do to our containers."""
        self._own = OwnActs()

    def disturbances(self) -> list[str]:
        """Pauses and deaths of our containers since :meth:`watch_others` that we did not cause."""
        return acts_of_others(self._client, self.run_id, self._own)

    def state(self, node: str) -> str:
        return containers.word(containers.state(self._nodes[node]))

    def require_running(self, node: str) -> dict[str, Any]:
        """The daemon's view of a node that runs. Raises HarnessError with its last log lines when it has died."""
        found = containers.state(self._nodes[node])
        if containers.word(found) == "exited":
            raise HarnessError(
                f"{node}'s container died (exit code {found['ExitCode']}{', out of memory' * found['OOMKilled']}); "
                f"its last lines:\n{boot.tail(self.logs(node))}"
            )
        return found

    def run(self, node: str, argv: Sequence[str], timeout: float = 5.0) -> ExecResult:
        """Run a command in the node's container; exit code 124 when it was given up after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        return stream.run(self._begin(node, argv, stdin=False), deadline)

    def pipe(self, node: str, argv: Sequence[str]) -> Pipe:
        """A long-lived command; closed at :meth:`stop` when nobody did."""
        pipe = LinePipe(self._begin(node, argv, stdin=True), self._pipes.discard)
        self._pipes.add(pipe)
        return pipe

    def _begin(self, node: str, argv: Sequence[str], *, stdin: bool) -> stream.ExecStream:
        """Start a command in the node's container, never while that is being paused: a daemon before 23 that begins one
        as the cgroup freezes waits for it with the container locked, and can neither show nor remove it any more."""
        with self._beginning[node]:
            begun = stream.ExecStream(self._client, self._nodes[node].id, node, self._filled(argv), stdin)
            begun.await_begin()
            return begun

    def _filled(self, argv: Sequence[str]) -> list[str]:
        return [self._place.fill(word) for word in argv]

    def logs(self, node: str) -> str:
        return _log(self._nodes[node])

    def stop(self) -> None:
        """Remove everything of this run; idempotent. What would not go is left to the next sweep."""
        with self._stopping:
            for pipe in list(self._pipes):
                pipe.close()
            if (links := getattr(self, "links", None)) is not None:
                links.close()
                links.control.close()
                del self.links
            with contextlib.suppress(Exception):
                sweep.sweep_run(self._client, self.run_id)
            if self._containers is not None:
                self._containers.close()
            self._client.close()


def _log(container: Any) -> str:
    with explained(f"read the log of {container.name}"):
        return bytes(container.logs()).decode(errors="replace")
