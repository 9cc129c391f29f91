"""Hub wiring: every path goes through the proxy, nothing bypasses it, and only loopback is published."""

from __future__ import annotations

from typing import Any

import pytest
from cluster_stage import SITES, Stage, until

from nuclei.platforms.base import HarnessError
from nuclei.platforms.docker_daemon import connect
from nuclei.platforms.ownership import RUN_LABEL

PLATFORMS = ("docker",)


def inspected(stage: Stage) -> dict[str, dict[str, Any]]:
    """Every container of the run as the daemon describes it, by node name."""
    client = connect(timeout=30)
    try:
        filters = {"label": f"{RUN_LABEL}={stage.platform.run_id}"}
        found = client.containers.list(all=True, filters=filters)
        return {container.name.rsplit(f"{stage.platform.run_id}-", 1)[1]: container.attrs for container in found}
    finally:
        client.close()


def reaches(stage: Stage, node: str, host: str, port: int) -> bool:
    """Whether a connection from inside the node is accepted."""
    argv = ["timeout", "1", "bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}"]
    return stage.platform.run(node, argv).code == 0


def test_every_site_reaches_every_served_node(sentinel: Stage) -> None:
    for site in SITES:
        for node in sentinel.cluster.wiring(SITES).served:
            assert sentinel.cluster.ping(site, node, timeout=1.0), (site, node)


def test_a_cut_link_is_cut_for_one_site_only(sentinel: Stage) -> None:
    sentinel.platform.links.cut(["c1>redis-1"])
    assert not sentinel.cluster.ping("c1", "redis-1")
    assert sentinel.cluster.ping("c2", "redis-1", timeout=1.0)
    sentinel.platform.links.restore(["c1>redis-1"])
    assert sentinel.cluster.ping("c1", "redis-1", timeout=1.0)


@pytest.mark.parametrize("how", ["black-hole", "stall", "close"])
def test_a_cut_between_nodes_is_cut_one_way(sentinel: Stage, how: Any) -> None:
    assert sentinel.cluster.peer_ping("redis-2", "redis-1")
    sentinel.platform.links.cut(["redis-2>redis-1"], how)
    assert not sentinel.cluster.peer_ping("redis-2", "redis-1")
    assert sentinel.cluster.peer_ping("redis-1", "redis-2")
    sentinel.platform.links.restore(["redis-2>redis-1"])
    assert sentinel.cluster.peer_ping("redis-2", "redis-1")


def test_only_names_lead_anywhere_and_only_through_the_proxy(sentinel: Stage) -> None:
    nodes = inspected(sentinel)
    (own,) = nodes["redis-1"]["NetworkSettings"]["Networks"].values()
    (other,) = nodes["redis-2"]["NetworkSettings"]["Networks"].values()
    assert reaches(sentinel, "redis-1", "redis-2", 6392)
    assert not reaches(sentinel, "redis-1", other["IPAddress"], 6392)
    # The ledger is nobody's peer, and the proxy's control API is for the runner alone.
    assert not reaches(sentinel, "redis-1", "ledger", 6380)
    networks = nodes["proxy"]["NetworkSettings"]["Networks"].values()
    (proxy,) = (network["IPAddress"] for network in networks if network["NetworkID"] == own["NetworkID"])
    assert not reaches(sentinel, "redis-1", proxy, 8474)
    assert not reaches(sentinel, "redis-1", proxy, 10001)


def test_only_loopback_is_published_and_nobody_is_privileged(sentinel: Stage) -> None:
    nodes = inspected(sentinel)
    assert set(nodes) == {"proxy", *(node.name for node in sentinel.cluster.wiring(SITES).nodes)}
    for name, attrs in nodes.items():
        bindings = [b for each in (attrs["HostConfig"]["PortBindings"] or {}).values() for b in each]
        assert bool(bindings) == (name == "proxy")
        assert {b["HostIp"] for b in bindings} <= {"127.0.0.1"}
        host = attrs["HostConfig"]
        assert not host["Privileged"]
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert not {host["PidMode"], host["UTSMode"], host["UsernsMode"]} & {"host"}
        assert host["IpcMode"] != "host"
        assert host["NetworkMode"] != "host"
        assert not attrs["Mounts"] or all("docker.sock" not in mount["Source"] for mount in attrs["Mounts"])


def test_a_killed_container_comes_back_at_its_address(single: Stage) -> None:
    def address() -> str:
        return single.platform.run("redis-1", ["grep", "-w", "redis-1", "/etc/hosts"]).output.split()[0]

    before = address()
    evidence = single.platform.kill("redis-1")
    assert "137" in evidence
    assert single.platform.kill("redis-1") == evidence
    assert before in single.platform.start_node("redis-1")
    assert address() == before


def test_a_server_that_ends_by_itself_ends_its_container(single: Stage) -> None:
    single.platform.run("redis-1", ["redis-cli", "-p", "6391", "shutdown", "nosave"])
    until(lambda: single.platform.state("redis-1") == "exited")
    with pytest.raises(HarnessError, match=r"(?s)container died \(exit code 0.*Redis is now ready to exit"):
        single.platform.require_running("redis-1")
