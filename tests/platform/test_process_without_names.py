"""Platform process where nodes can have no names of their own: only faults between nodes are unsupported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cluster_stage import KEY, until
from lock_stage import Place, do

from faults.schedule import read_fault
from lockquake.plan import build
from lockquake.rig import Rig
from lockquake.support import require_supported, why_not_fault
from nuclei import registry
from nuclei.platforms.base import Unsupported
from nuclei.platforms.process import namespaces

PLATFORMS = ("process",)
REFUSED = "this kernel lets us make no mount namespace (simulated); try another one"


@pytest.fixture
def unnamed(platform_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that lets nodes have no names of their own."""
    monkeypatch.setattr(namespaces, "why_not", lambda: REFUSED)


@pytest.fixture
def rig(unnamed: None, tmp_path: Path) -> Iterator[Rig]:
    plan = build("redis-set-nx-px@redis-sentinel", platform="process")
    require_supported(plan)
    with Rig(plan, tmp_path, lambda text: None) as made:
        yield made


def test_without_names_clients_follow_a_failover_by_address(rig: Rig, tmp_path: Path) -> None:
    old = rig.cluster.primary()
    assert old == "redis-1"
    place = rig.platform.place(old)
    assert place.hosts[old] == place.listen
    assert not [link for link in rig.platform.links.links.values() if link.source in rig.cluster.wiring([]).served]
    with ExitStack() as stack:
        here = Place(rig, tmp_path)
        stack.push(here.stack)
        clients = here.clients("redis-set-nx-px")
        assert do(clients[0], "try").outcome == "ok"
        assert do(clients[0], "release").outcome == "ok"
        rig.platform.kill(old)
        until(lambda: do(clients[0], "acquire", limit=2.0).outcome == "ok", 30.0)
        new = until(lambda: found if (found := rig.cluster.primary()) not in {None, old} else None, 30.0)
        assert do(clients[1], "try").outcome == "fail"
        assert new != old
    # Cut off from a client: that needs no names.
    rig.platform.links.cut([f"c1>{new}"])
    assert not rig.cluster.ping("c1", new)
    assert rig.cluster.ping("c2", new, timeout=1.0)
    assert "pristine" in rig.cluster.reset(KEY)
    assert rig.cluster.primary() == old


@pytest.mark.parametrize(
    ("cluster", "fault", "possible"),
    [
        ("redis-sentinel", "failover", False),
        ("redis-sentinel", "failover:recipe=split-brain", False),
        ("redis-sentinel", "partition:side=primary", False),
        ("zookeeper", "partition:side=primary", False),
        ("redis-sentinel", "partition:side=client", True),
        ("redis-single", "partition", True),
        ("redis-sentinel", "pause-client", True),
        ("redis-sentinel", "kill-node", True),
        ("zookeeper", "kill-node:target=leader", True),
    ],
)
def test_without_names_only_faults_between_nodes_are_unsupported(
    unnamed: None, cluster: str, fault: str, possible: bool
) -> None:
    reason = why_not_fault("process", registry.cluster(cluster), read_fault(fault))
    assert reason == (None if possible else REFUSED)


def test_without_names_a_failover_is_refused_with_the_reason(unnamed: None) -> None:
    plan = build("redis-set-nx-px@redis-sentinel", faults=["failover"], platform="process")
    with pytest.raises(Unsupported, match=r"failover on platform process: this kernel .* \(simulated\); try another"):
        require_supported(plan)
