"""What a failover may be asked for, and on which cluster."""

from __future__ import annotations

import pytest

from faults.grammar import BadArgument
from faults.schedule import read_fault
from lockquake.plan import build
from lockquake.support import why_not_fault
from nuclei.platforms.base import Unsupported
from nuclei.registry import cluster


@pytest.mark.parametrize(
    ("nucleus", "fault", "settings"),
    [
        ("redis-set-nx-px@redis-replica", "failover", {}),
        ("redis-set-nx-px@redis-replica", "failover:recipe=ordered", {}),
        ("redis-set-nx-px@redis-cluster", "failover", {}),
        ("redis-set-nx-px@redis-sentinel", "failover:recipe=split-brain", {}),
        ("redlock@redis-masters", "failover:target=redis-2,without=redis-3+redis-4", {"cluster.replicas": 1}),
    ],
)
def test_what_can_be_asked_for(nucleus: str, fault: str, settings: dict[str, int]) -> None:
    assert build(nucleus, faults=[fault], settings=settings).faults == fault


@pytest.mark.parametrize(
    ("nucleus", "fault", "words"),
    [
        ("redlock@redis-masters", "failover", "--set cluster.replicas=1"),
        ("redis-set-nx-px@redis-single", "failover", "redis-single has none"),
        ("redis-set-nx-px@redis-sentinel", "failover:recipe=ordered", "hands the primary's role over"),
        ("redis-set-nx-px@redis-cluster", "failover:recipe=split-brain", "stops granting before its isolation"),
    ],
)
def test_what_a_cluster_cannot_do_is_said_beforehand(nucleus: str, fault: str, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        build(nucleus, faults=[fault])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("failover:without=redis-9", "without=redis-9: no such node"),
        ("failover:target=redis-9", "target=redis-9: no such node"),
        ("failover:recipe=gentle", "split-brain or ordered"),
    ],
)
def test_what_is_not_there_is_named(fault: str, words: str) -> None:
    with pytest.raises(BadArgument, match=words):
        build("redis-set-nx-px@redis-replica", faults=[fault])


@pytest.mark.parametrize(
    ("fault", "possible"),
    [
        ("failover", False),
        ("partition:side=primary", False),
        ("failover:recipe=ordered", True),
        ("partition:side=client", True),
        ("kill-node", True),
    ],
)
def test_nodes_that_reach_each_other_past_the_proxy_are_not_cut_apart_on_process(fault: str, possible: bool) -> None:
    reason = why_not_fault("process", cluster("redis-cluster"), read_fault(fault))
    assert (reason is None) is possible
    assert possible or "--platform docker" in str(reason)
