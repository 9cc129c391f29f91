"""redis-masters: independent servers, their reset, and what its observer says of the key on most of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_stage import KEY, Stage, Watched, until

from nuclei.clusters.console import Console
from nuclei.clusters.observers.majority import MAJORITY
from nuclei.clusters.redis_masters import RedisMasters

NODES = [f"redis-{number}" for number in range(1, 6)]


@pytest.fixture
def masters(started: Callable[[str], Stage], no_new_threads: None) -> Stage:
    """``redis-masters``, just reset."""
    stage = started("redis-masters")
    stage.cluster.reset(KEY)
    return stage


def console(stage: Stage, node: str) -> Console:
    assert isinstance(stage.cluster, RedisMasters)
    return stage.cluster.servers[node].console


def take(stage: Stage, owner: str, *nodes: str) -> None:
    for node in nodes:
        assert console(stage, node).ask("SET", KEY, owner, "NX", "PX", 30000) == ["OK"]


def test_five_servers_of_equal_rank_and_no_links_between_them(masters: Stage) -> None:
    assert masters.cluster.roles() == dict.fromkeys([*NODES, "ledger"], "standalone")
    assert masters.cluster.surroundings("c2", {}).nodes == {"redis": NODES, "ledger": ["ledger"]}
    assert {link.source for link in masters.platform.links.links.values()} == {"c1", "c2"}
    assert not any(masters.cluster.knows(node, KEY) for node in NODES)
    take(masters, "a", "redis-2")
    assert [node for node in NODES if masters.cluster.knows(node, KEY)] == ["redis-2"]


def test_the_first_that_answers_stands_for_the_primary(masters: Stage) -> None:
    assert masters.cluster.primary() == "redis-1"
    masters.platform.kill("redis-1")
    assert masters.cluster.primary() == "redis-2"
    assert masters.cluster.roles()["redis-1"] == "down"


def test_reset_undoes_whatever_was_done(masters: Stage) -> None:
    take(masters, "left over", *NODES)
    masters.platform.kill("redis-1")
    masters.platform.pause("redis-2")
    masters.platform.links.cut(["c1>redis-3"], "stall")
    assert "redis-1 started pristine" in masters.cluster.reset(KEY)
    assert [console(masters, node).ask("DBSIZE") for node in NODES] == [[0]] * 5
    assert masters.cluster.ping("c1", "redis-3", timeout=1.0)


def test_a_lock_is_what_most_of_them_hold(masters: Stage, tmp_path: Path) -> None:
    """Three keys make the lock; one that came back without its key unmakes it, and other three make the next."""
    with Watched(masters, tmp_path) as watched:
        take(masters, "a", "redis-1", "redis-2")
        until(lambda: len(watched.server(event="began", owner="a")) == 2)
        assert not watched.server(node=MAJORITY)
        take(masters, "a", "redis-3")
        until(lambda: watched.server(node=MAJORITY, event="began", owner="a"))
        masters.platform.kill("redis-3")
        until(lambda: watched.role(node="redis-3", role="down"))
        masters.platform.start_node("redis-3")
        ended = until(lambda: watched.server(node=MAJORITY, event="ended", owner="a"))
        take(masters, "b", "redis-3", "redis-4", "redis-5")
        until(lambda: watched.server(node=MAJORITY, event="began", owner="b"))
    assert [row.reason for row in ended] == ["restart"]
    assert {row.node for row in watched.server(event="ended")} == {"redis-3", MAJORITY}
    assert [row.role for row in watched.role(node=MAJORITY)] == ["primary"]
    assert {row.role for row in watched.role() if row.node in NODES} == {"member", "down"}
