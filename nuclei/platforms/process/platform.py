"""The process platform: real servers as child processes on loopback addresses, behind our own proxy.

Nothing listens outside 127.0.0.0/8, nothing needs to be installed in the system, and nothing outlives the runner.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from nuclei.locks.base import Endpoint
from nuclei.network.control import ProxyControl, ProxyControlError
from nuclei.network.links import Links
from nuclei.platforms import wires
from nuclei.platforms.base import ExecResult, HarnessError, NodeSpec, Pipe, Place, Platform, Unsupported, Wiring
from nuclei.platforms.config_files import write_config
from nuclei.platforms.line_pipe import LinePipe
from nuclei.platforms.process import beside, homes, namespaces, servers
from nuclei.platforms.process.blocks import Block
from nuclei.platforms.process.clock import Clock
from nuclei.platforms.process.layout import Layout
from nuclei.platforms.process.node import ProcessNode
from nuclei.platforms.spawner import environment, python_module

_PROXY = "proxy"
_PROXY_SECONDS = 15.0
_PARALLEL = 12


class ProcessPlatform(Platform):
    """Nodes as child processes. ``run_id`` is in the name of everything this run makes."""

    name = "process"

    def __init__(self, *, run_id: str | None = None) -> None:
        self.run_id = run_id or secrets.token_hex(4)
        self._stopping = threading.Lock()
        self._nodes: dict[str, ProcessNode] = {}
        self._clocks: dict[str, Clock | str] = {}
        """Every node's, or why it has none."""
        self._places: dict[str, Place] = {}
        self._pipes: dict[LinePipe, tuple[str, beside.ChildStream]] = {}
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._block: Block | None = None
        self._home: Path | None = None
        self._proxy: ProcessNode | None = None

    def start(self, wiring: Wiring, rundir: Path, say: Callable[[str], None]) -> None:
        """Addresses, proxy, links, nodes. Raises HarnessError and leaves nothing behind when a part does not start,
        Unsupported where a server is not to be had here."""
        for image in sorted({node.image for node in wiring.nodes}):
            if reason := servers.why_not(image):
                raise Unsupported(reason)
        try:
            self._start(wiring, rundir, say)
        except OSError as error:
            self.stop()
            raise HarnessError(
                f"the servers' files cannot be written ({error}); free some space, or set TMPDIR"
            ) from error
        except BaseException:
            self.stop()
            raise

    def _start(self, wiring: Wiring, rundir: Path, say: Callable[[str], None]) -> None:
        if swept := homes.sweep():
            say(f"process: removed what a dead run had left: {', '.join(swept)}")
        began = time.monotonic()
        unnamed = namespaces.why_not()
        if unnamed is not None:
            say(f"process: nodes reach each other directly, faults on links between them are unsupported: {unnamed}")
            wiring = replace(wiring, peers=[])
        self._block = block = Block()
        self._home = home = homes.make(self.run_id)
        layout = Layout(block, home, [node.name for node in wiring.nodes], named=unnamed is None)
        self._places = {name: layout.place(name) for name in layout.nodes}
        nodes = [self._places[node.name].settle(node) for node in wiring.nodes]
        write_config(nodes, rundir / "config")
        _require_free(block, nodes)
        self._start_proxy(wiring, layout)
        self._nodes = {node.name: self._node(node, layout) for node in nodes}
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="process-start") as pool:
            list(pool.map(lambda node: node.start(pristine=True), self._nodes.values()))
        for name in self._nodes:
            self._require_running(name)
        seconds = time.monotonic() - began
        say(f"process: the proxy and {len(nodes)} nodes started in {seconds:.1f} s on {block} (run {self.run_id})")

    def _node(self, spec: NodeSpec, layout: Layout) -> ProcessNode:
        home = layout.home / spec.name
        home.mkdir()
        laid = namespaces.binds(home, self._places[spec.name].vias) if layout.named else []
        variables = {**environment(), **servers.environment(spec.image)}
        try:
            clock = Clock(home, spec.command[0], variables.get("PATH"))
            variables |= clock.environment(variables)
            self._clocks[spec.name] = clock
        except Unsupported as error:
            self._clocks[spec.name] = str(error)
        return ProcessNode(spec, home, variables, laid)

    def _start_proxy(self, wiring: Wiring, layout: Layout) -> None:
        home, gates = layout.home / _PROXY, layout.block.gates
        home.mkdir()
        late = [port for node in wiring.nodes for port in node.late_ports]
        argv = python_module("nuclei.network.toxiproxy", *wires.proxy_arguments(gates, late))
        spec = NodeSpec(name=_PROXY, role=_PROXY, image="toxiproxy", port=wires.CONTROL_PORT, command=argv)
        self._proxy = ProcessNode(spec, home, environment(), [])
        self._proxy.start(pristine=True)
        control = ProxyControl(gates, wires.CONTROL_PORT)
        self.links = Links(control, wires.links(wiring, layout.addresses()))
        try:
            control.wait_until_answering(_PROXY_SECONDS)
            self.links.establish()
        except ProxyControlError as error:
            raise HarnessError(f"{error} The proxy's last lines:\n{self._proxy.tail()}") from error
        for gate in wires.gates(wiring):
            self._endpoints[gate.site, gate.node] = Endpoint(gates, gate.inside)

    def _require_running(self, name: str) -> None:
        node = self._nodes[name]
        if node.state() == "exited":
            raise HarnessError(f"{name} ended at once; its last lines:\n{node.tail()}")

    def place(self, node: str) -> Place:
        return self._places[node]

    def endpoint(self, site: str, node: str) -> Endpoint:
        """The loopback address of the link ``site>node``. Raises KeyError for a site or node that is not served."""
        return self._endpoints[site, node]

    def kill(self, node: str) -> str:
        """The server, and what runs beside it: in a container they share their fate as well."""
        proof = self._nodes[node].kill()
        for owner, stream in list(self._pipes.values()):
            if owner == node:
                stream.end()
        return proof

    def start_node(self, node: str, *, pristine: bool = False) -> str:
        """Start a killed node again. ``pristine``: with its original files and no data; one that runs is killed
        first."""
        state = self.state(node)
        if state != "exited":
            if not pristine:
                return f"{node} was {state} already"
            self.kill(node)
        if pristine:
            self._true_clock(node)
        proof = self._nodes[node].start(pristine=pristine)
        self._require_running(node)
        return proof

    def set_clock(self, node: str, seconds: float) -> str:
        """By the preloaded library; a node that is killed and started again keeps its clock, as a machine does."""
        clock = self._clocks[node]
        if isinstance(clock, str):
            raise Unsupported(f"the clock of {node} cannot be moved: {clock}")
        before = clock.offset
        clock.set(seconds)
        return f"the clock of {node} was moved from {before:+g} s to {seconds:+g} s"

    def true_clocks(self) -> None:
        for node in self._clocks:
            self._true_clock(node)

    def _true_clock(self, node: str) -> None:
        if not isinstance(self._clocks[node], str):
            self.set_clock(node, 0.0)

    def pause(self, node: str) -> str:
        return self._nodes[node].pause()

    def resume(self, node: str) -> str:
        return self._nodes[node].resume()

    def watch_others(self) -> None:
        """Count from now on what others do to our processes."""
        for child in self._children():
            child.watch_others()

    def disturbances(self) -> list[str]:
        """Stops and ends of our processes since :meth:`watch_others` that we did not cause."""
        return [
            f"{said}, and not by this trial (a person, the out-of-memory killer, its own crash?), so the trial says "
            "nothing about the lock; look at its log"
            for child in self._children()
            if (said := child.disturbance()) is not None
        ]

    def _children(self) -> list[ProcessNode]:
        """The nodes, and the proxy that all their links cross."""
        return [*self._nodes.values(), *([self._proxy] if self._proxy else [])]

    def state(self, node: str) -> str:
        return self._nodes[node].state()

    def run(self, node: str, argv: Sequence[str], timeout: float = 5.0) -> ExecResult:
        """Run a command beside the node's process; exit code 124 when it was given up after ``timeout`` seconds."""
        found = self._running(node)
        return beside.run(node, self._filled(node, argv), found.environment, found.home, timeout)

    def pipe(self, node: str, argv: Sequence[str]) -> Pipe:
        """A long-lived command; ended with its node, and at :meth:`stop` when nobody did."""
        found = self._running(node)
        stream = beside.ChildStream(node, self._filled(node, argv), found.environment, found.home)
        pipe = LinePipe(stream, self._forget)
        self._pipes[pipe] = (node, stream)
        if found.state() == "exited":  # killed meanwhile, perhaps before the pipe was in the list
            stream.end()
        return pipe

    def _forget(self, pipe: LinePipe) -> None:
        self._pipes.pop(pipe, None)

    def _running(self, node: str) -> ProcessNode:
        found = self._nodes[node]
        if (state := found.state()) != "running":
            raise HarnessError(f"nothing can be run beside {node}: it is {state}")
        return found

    def _filled(self, node: str, argv: Sequence[str]) -> list[str]:
        return [self._places[node].fill(word) for word in argv]

    def logs(self, node: str) -> str:
        return self._nodes[node].log()

    def stop(self) -> None:
        """End and remove everything of this run; idempotent. What would not go is left to the next sweep."""
        with self._stopping:
            for pipe in list(self._pipes):
                pipe.close()
            if (links := getattr(self, "links", None)) is not None:
                links.close()
                links.control.close()
                del self.links
            for child in self._children():
                _ended(child.kill)
            if self._home is not None:
                homes.remove(self._home)
            if self._block is not None:
                self._block.release()


def _ended(end: Callable[[], object]) -> None:
    """One that will not end is left to the kernel, which ends it with us."""
    try:
        end()
    except HarnessError:
        pass


def _require_free(block: Block, nodes: Sequence[NodeSpec]) -> None:
    """Raises HarnessError when a port that we need is taken on every address of this machine."""
    for port in sorted({wires.CONTROL_PORT, *(port for node in nodes for port in (node.port, *node.ports))}):
        if reason := block.refuses(port):
            raise HarnessError(
                f"port {port} cannot be listened on ({reason}): something listens on it at every address of this "
                "machine (0.0.0.0); end it, or use --platform docker"
            )
