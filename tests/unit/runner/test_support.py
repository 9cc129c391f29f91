"""Which platform is taken, and what is said beforehand of what cannot run there."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import PackageNotFoundError

import pytest

from faults.schedule import read_fault
from lockquake import support
from lockquake.abilities import abilities
from lockquake.cli.listing import listing
from lockquake.plan import build
from lockquake.support import choose_for, require_supported, why_not_fault
from nuclei import registry
from nuclei.platforms import choice
from nuclei.platforms.base import HarnessError, Unsupported
from nuclei.platforms.choice import choose
from nuclei.platforms.process import namespaces, servers


@pytest.fixture
def unnamed(monkeypatch: pytest.MonkeyPatch) -> str:
    """A kernel that refuses mount namespaces."""
    reason = "this kernel lets us make no mount namespace; run as root"
    monkeypatch.setattr(namespaces, "why_not", lambda: reason)
    return reason


@pytest.fixture
def no_zookeeper(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with Redis alone."""
    monkeypatch.setattr(servers, "why_not", lambda image: None if image == "redis" else "no ZooKeeper; install it")


def test_a_platform_that_was_asked_for_is_taken() -> None:
    assert str(choose("process")) == "platform process: as asked for"
    with pytest.raises(HarnessError, match="there are auto, docker, process"):
        choose("kubernetes")


def test_auto_takes_docker_where_every_image_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(choice, "_no_container_image", asked.append)
    assert choose_for("auto", ["redis-single", "zookeeper"]).name == "docker"
    assert set(asked) == {"redis", "zookeeper", "toxiproxy"}


def test_auto_takes_process_where_an_image_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"zookeeper": "image zookeeper is missing"}
    monkeypatch.setattr(choice, "_no_container_image", missing.get)
    assert choose_for("auto", ["redis-single"]).name == "docker"
    taken = choose_for("auto", ["zookeeper"])
    assert str(taken) == "platform process: docker cannot be used: image zookeeper is missing"


def test_an_image_on_request_decides_for_its_own_cluster_only(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"memcached": "image memcached is missing"}
    monkeypatch.setattr(choice, "_no_container_image", missing.get)
    assert choose_for("auto", ["memcached"]).name == "process"
    assert choose_for("auto", ["memcached", "redis-single"]).name == "docker"


def test_a_missing_image_on_request_makes_its_cluster_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    """On docker: any other image that is missing is a fault of the set-up."""
    said = "image memcached is missing: nowhere; bring it with `lockquake images --ensure memcached`"
    entry = replace(choice.PLATFORMS["docker"], why_not_image=lambda image: said if image == "memcached" else None)
    monkeypatch.setitem(choice.PLATFORMS, "docker", entry)
    require_supported(build("redis-set-nx-px@redis-single", platform="docker"))
    with pytest.raises(Unsupported, match="image memcached is missing"):
        require_supported(build("memcached-add@memcached", platform="docker"))


def test_auto_takes_process_where_no_daemon_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    taken = choose("auto")
    assert taken.name == "process"
    assert "no Docker daemon: unix:///nonexistent/docker.sock does not exist" in taken.why


@pytest.mark.usefixtures("no_zookeeper")
def test_a_cluster_without_servers_is_unsupported() -> None:
    require_supported(build("redis-set-nx-px@redis-sentinel", platform="process"))
    with pytest.raises(Unsupported, match="zookeeper on platform process: no ZooKeeper; install it"):
        require_supported(build("zk-sequential@zookeeper", platform="process"))
    require_supported(build("zk-sequential@zookeeper", platform="docker"))


def test_a_lock_without_its_library_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"pottery"}

    def version(package: str) -> str:
        if package in missing:
            raise PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr(support, "version", version)
    require_supported(build("redlock-py@redis-masters", platform="process"))
    with pytest.raises(Unsupported, match=r"pottery: not installed: pottery; pip install 'lockquake\[libraries\]'"):
        require_supported(build("pottery@redis-masters", platform="process"))
    said = {lock["name"]: lock["unsupported"] for lock in listing()["locks"]}
    assert (said["pottery"] or "").startswith("not installed")
    assert said["redlock-py"] is None


@pytest.mark.parametrize(
    ("cluster", "fault", "possible"),
    [
        ("redis-sentinel", "failover", False),
        ("redis-sentinel", "partition", False),
        ("redis-sentinel", "partition:side=primary+client", False),
        ("redis-sentinel", "partition:side=client", True),
        ("redis-sentinel", "pause-node", True),
        ("redis-sentinel", "kill-node", True),
        ("redis-single", "partition", True),
    ],
)
def test_only_faults_between_nodes_need_names(cluster: str, fault: str, possible: bool, unnamed: str) -> None:
    entry = registry.cluster(cluster)
    assert why_not_fault("process", entry, read_fault(fault)) == (None if possible else unnamed)
    assert why_not_fault("docker", entry, read_fault(fault)) is None


def test_a_fault_that_a_cluster_cannot_have_says_so_on_every_platform() -> None:
    for platform in ("docker", "process"):
        reason = why_not_fault(platform, registry.cluster("redis-single"), read_fault("failover"))
        assert "redis-single has none" in (reason or "")


def test_the_table_has_a_row_for_what_a_word_changes(unnamed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    rows = {row.name: row.reasons for row in abilities()}
    assert set(registry.clusters()) <= set(rows)
    assert rows["partition"]["process"] == unnamed
    assert rows["partition:side=client"]["process"] is None
    assert all("no Docker daemon" in (reasons["docker"] or "") for reasons in rows.values())
