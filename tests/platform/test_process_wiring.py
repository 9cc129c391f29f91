"""Platform process: nothing listens outside loopback, every link between nodes crosses the proxy, data is kept as the
server keeps it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cluster_stage import KEY, SITES, Stage, until
from remains import Footprint
from sockets import ESTABLISHED, Address, inodes, listening, sockets

from nuclei import registry
from nuclei.locks.base import Endpoint
from nuclei.platforms.process import ProcessPlatform, namespaces

PLATFORMS = ("process",)


@pytest.mark.parametrize("name", ["redis-single", "redis-sentinel", "zookeeper"])
def test_nothing_listens_outside_loopback(started: Callable[[str], Stage], name: str) -> None:
    stage = started(name)
    footprint = Footprint.of(stage.platform)
    ours = {inode for pid in footprint.processes() for inode in inodes(pid)}
    found = {each.local for each in listening() if each.inode in ours}
    assert all(str(address.host).startswith(footprint.block) for address in found), found
    wiring = stage.cluster.wiring(SITES)
    nodes = {Address(IPv4Address(stage.platform.place(node.name).listen), node.port) for node in wiring.nodes}
    places = [stage.platform.endpoint(site, node) for site in SITES for node in wiring.served]
    gates = {Address(IPv4Address(place.host), place.port) for place in places}
    assert nodes | gates <= found


def test_a_cut_link_is_cut_for_one_site_only(single: Stage) -> None:
    single.platform.links.cut(["c1>redis-1"])
    assert not single.cluster.ping("c1", "redis-1")
    assert single.cluster.ping("c2", "redis-1", timeout=1.0)
    single.platform.links.restore(["c1>redis-1"])
    assert single.cluster.ping("c1", "redis-1", timeout=1.0)


@pytest.fixture
def named() -> None:
    if reason := namespaces.why_not():
        pytest.skip(reason)


@pytest.mark.parametrize("how", ["black-hole", "stall", "close"])
def test_a_cut_between_nodes_is_cut_one_way(named: None, sentinel: Stage, how: str) -> None:
    assert sentinel.cluster.peer_ping("redis-2", "redis-1", timeout=2.0)
    sentinel.platform.links.cut(["redis-2>redis-1"], how)  # type: ignore[arg-type]
    assert not sentinel.cluster.peer_ping("redis-2", "redis-1")
    assert sentinel.cluster.peer_ping("redis-1", "redis-2", timeout=2.0)
    assert sentinel.cluster.peer_ping("redis-3", "redis-1", timeout=2.0)
    sentinel.platform.links.restore(["redis-2>redis-1"])
    assert sentinel.cluster.peer_ping("redis-2", "redis-1", timeout=2.0)


def test_replication_itself_crosses_the_link(named: None, sentinel: Stage) -> None:
    def on(node: str, *words: str) -> list[str]:
        argv = ["redis-cli", "-h", "@self@", "-p", str(sentinel.cluster.nodes[node].port), *words]
        return sentinel.platform.run(node, argv).output.split()

    sentinel.platform.links.cut(["redis-2>redis-1"], "stall")
    assert on("redis-1", "SET", KEY, "new") == ["OK"]
    # The other replica has it, so it was sent: the one behind the cut never gets it.
    until(lambda: on("redis-3", "GET", KEY) == ["new"])
    assert on("redis-2", "GET", KEY) == []
    sentinel.platform.links.restore(["redis-2>redis-1"])
    until(lambda: on("redis-2", "GET", KEY) == ["new"])


def test_no_server_is_connected_past_the_proxy(named: None, sentinel: Stage) -> None:
    """At the other end of all its connections is the proxy, or a console beside itself."""
    footprint = Footprint.of(sentinel.platform)
    proxy = inodes(_pid(footprint.home / "proxy"))
    beside = {pid: _workplace(pid) for pid in footprint.processes()}
    for node in sentinel.cluster.wiring(SITES).nodes:
        home = sentinel.platform.place(node.name).home
        server = inodes(_pid(Path(home)))
        consoles = {inode for pid, place in beside.items() if place == home for inode in inodes(pid)}
        table = {(each.local, each.remote): each for each in sockets("tcp") if each.state == ESTABLISHED}
        ends = [
            table[each.remote, each.local].inode
            for each in table.values()
            if each.inode in server and (each.remote, each.local) in table
        ]
        strangers = set(ends) - proxy - consoles - server - {"0"}
        assert not strangers, (node.name, strangers)
        assert node.role == "ledger" or set(ends) & proxy, node.name


def _pid(home: Path) -> int:
    return int((home / "pid").read_text())


def _workplace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def test_a_second_stop_is_harmless(platform_name: str, tmp_path: Path, no_new_threads: None) -> None:
    platform = ProcessPlatform()
    platform.stop()
    cluster = registry.cluster("redis-single").make(platform, {})
    platform.start(cluster.wiring(["c1"]), tmp_path, lambda text: None)
    cluster.ready()
    footprint = Footprint.of(platform)
    assert footprint.left()
    platform.stop()
    assert footprint.left() == []
    platform.stop()


def test_data_is_kept_over_a_kill_where_the_server_keeps_it(platform_name: str, tmp_path: Path) -> None:
    with ProcessPlatform() as platform:
        cluster = registry.cluster("redis-single").make(platform, {"persistence": "aof"})
        platform.start(cluster.wiring(["c1"]), tmp_path, lambda text: None)
        cluster.ready()
        endpoint = platform.endpoint("c1", "redis-1")
        assert _ask(endpoint, b"SET kept yes\r\n") == b"+OK\r\n"
        platform.kill("redis-1")
        platform.start_node("redis-1")
        until(lambda: cluster.ping("c1", "redis-1"))
        assert _ask(endpoint, b"GET kept\r\n") == b"$3\r\nyes\r\n"
        platform.start_node("redis-1", pristine=True)
        until(lambda: cluster.ping("c1", "redis-1"))
        assert _ask(endpoint, b"GET kept\r\n") == b"$-1\r\n"


def _ask(endpoint: Endpoint, request: bytes) -> bytes:
    with socket.create_connection((endpoint.host, endpoint.port), timeout=5.0) as connection:
        connection.sendall(request)
        return connection.recv(4096)
