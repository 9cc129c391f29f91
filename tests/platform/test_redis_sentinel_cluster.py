"""redis-sentinel: readiness, failovers, resets cheap and dear, and what the observer says of a promotion."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_stage import KEY, Stage, Watched, until

from nuclei.clusters.console import Console
from nuclei.clusters.redis_sentinel import RedisSentinel

FIRST, *REPLICAS = ("redis-1", "redis-2", "redis-3")
DEMOTED = 30.0
"""Seconds within which a primary that came back is made a replica: before Redis 7 sentinels look every 10 s only."""
TILT = 35.0
"""Seconds more when a sentinel was starved for 2 s meanwhile: by design it then does nothing for 30 s."""


def console(stage: Stage, node: str) -> Console:
    assert isinstance(stage.cluster, RedisSentinel)
    return stage.cluster.servers[node].console


def promoted(stage: Stage) -> str:
    """Wait for another primary."""
    return until(lambda: p if (p := stage.cluster.primary()) not in {None, FIRST} else None)


def demoted(stage: Stage) -> bool:
    """Wait until the first primary follows another; False where the sentinels have made it the primary once more: while
    a failover is young a late vote or a late PONG is enough for another. Fails with their words otherwise."""
    deadline = time.monotonic() + DEMOTED
    while (role := stage.cluster.roles()[FIRST]) != "replica":
        if stage.cluster.primary() == FIRST:
            return False
        late = time.monotonic() - deadline
        if late > (TILT if stage.cluster.problems() else 0.0):
            logs = [f"{name}:\n{stage.platform.logs(name)[-3000:]}" for name in (FIRST, "sentinel-1", "sentinel-2")]
            pytest.fail("\n".join([f"{FIRST} is {role}, {DEMOTED} s after it came back", *logs]))
        time.sleep(0.1)
    return True


def until_demoted(scene: Callable[[Stage, Path], bool], stage: Stage, directory: Path) -> None:
    """Play a scene that ends with :func:`demoted`, at most three times."""
    for number in range(3):
        (place := directory / str(number)).mkdir()
        if scene(stage, place):
            return
        stage.cluster.reset(KEY)
    pytest.fail(f"the sentinels made {FIRST} the primary again three times")


def test_ready_means_that_everybody_agrees(sentinel: Stage) -> None:
    evidence = sentinel.cluster.ready()
    assert "redis-1 replicates to 2" in evidence
    roles = sentinel.cluster.roles()
    assert roles.pop(FIRST) == "primary"
    assert {roles.pop(node) for node in REPLICAS} == {"replica"}
    assert roles.pop("ledger") == "standalone"
    assert set(roles.values()) == {"sentinel"}
    assert sentinel.cluster.primary() == FIRST


def test_sentinels_announce_names_that_the_address_book_knows(sentinel: Stage) -> None:
    told = sentinel.cluster.surroundings("c1", {})
    assert told.settings["master_name"] == "mymaster"
    host, port = console(sentinel, "sentinel-2").ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
    assert told.address_book[f"{host}:{port}"] == sentinel.platform.endpoint("c1", FIRST)


def test_a_reset_is_cheap_when_nothing_moved(sentinel: Stage) -> None:
    console(sentinel, FIRST).ask("SET", KEY, "left over")
    console(sentinel, "ledger").ask("SET", KEY, "left over")
    assert "nothing had moved" in sentinel.cluster.reset(KEY)
    for node in (FIRST, *REPLICAS, "ledger"):
        assert console(sentinel, node).ask("DBSIZE") == [0]


def test_a_lost_lock_after_a_failover_is_seen_and_reset(sentinel: Stage, tmp_path: Path) -> None:
    with Watched(sentinel, tmp_path) as watched:
        sentinel.platform.links.cut(sentinel.between((FIRST, "redis-2"), (FIRST, "redis-3")))
        console(sentinel, FIRST).ask("SET", KEY, "lost", "PX", 30000)
        until(lambda: watched.server(node=FIRST, event="began", owner="lost"))
        sentinel.platform.kill(FIRST)
        new = promoted(sentinel)
        moved = until(lambda: watched.role(node=new, role="primary"))[0]
        assert (moved.was, moved.evidence) == ("replica", "key absent")
        console(sentinel, new).ask("SET", KEY, "second", "NX", "PX", 30000)
        until(lambda: watched.server(node=new, event="began", owner="second"))
        assert not watched.server(node=new, owner="lost")
        assert watched.role(node=FIRST, role="down")
    assert "pristine" in sentinel.cluster.reset(KEY)
    assert sentinel.cluster.primary() == FIRST
    assert console(sentinel, FIRST).ask("GET", KEY) == [None]
    assert sentinel.cluster.problems() == []


def promoted_with_the_key(stage: Stage, directory: Path) -> bool:
    with Watched(stage, directory) as watched:
        console(stage, FIRST).ask("SET", KEY, "kept", "PX", 30000)
        for node in REPLICAS:
            until(lambda node=node: watched.server(node=node, event="began", owner="kept"))
        stage.platform.pause(FIRST)
        new = promoted(stage)
        assert until(lambda: watched.role(node=new, role="primary"))[0].evidence == "holds owner=kept"
        stage.platform.resume(FIRST)
        if not demoted(stage):
            return False
        until(lambda: watched.role(node=FIRST, role="replica"))
    return True


def test_a_replica_that_had_the_key_is_promoted_with_it(sentinel: Stage, tmp_path: Path) -> None:
    until_demoted(promoted_with_the_key, sentinel, tmp_path)


def split_brain_healed(stage: Stage, directory: Path) -> bool:
    with Watched(stage, directory) as watched:
        stage.platform.links.cut(stage.around(FIRST, "c1"))
        new = promoted(stage)
        assert not stage.cluster.ping("c2", FIRST)
        assert stage.cluster.ping("c1", FIRST, timeout=1.0)
        console(stage, FIRST).ask("SET", KEY, "old", "PX", 30000)
        console(stage, new).ask("SET", KEY, "new", "PX", 30000)
        until(lambda: watched.server(node=FIRST, event="began", owner="old"))
        stage.platform.links.restore_all()
        if not demoted(stage):
            return False
        lost = until(lambda: watched.server(node=FIRST, event="ended", owner="old"))[0]
        assert lost.reason == "resync"
        until(lambda: watched.server(node=FIRST, event="began", owner="new"))
    return True


def test_a_split_brain_heals_and_the_old_primarys_key_vanishes(sentinel: Stage, tmp_path: Path) -> None:
    until_demoted(split_brain_healed, sentinel, tmp_path)


def test_a_frozen_sentinel_that_went_into_tilt_is_a_problem(sentinel: Stage) -> None:
    assert sentinel.cluster.problems() == []
    sentinel.platform.pause("sentinel-3")
    time.sleep(2.5)  # it looks at its own clock: more than 2 s between two ticks
    sentinel.platform.resume("sentinel-3")
    assert "sentinel-3" in until(sentinel.cluster.problems)[0]
    sentinel.platform.start_node("sentinel-3", pristine=True)
    sentinel.cluster.reset(KEY)
    assert sentinel.cluster.problems() == []
