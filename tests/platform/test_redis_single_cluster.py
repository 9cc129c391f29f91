"""redis-single: readiness, reset, and what its observer says of the key."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cluster_stage import KEY, Stage, Watched, until

from nuclei.clusters.console import Console, ConsoleError
from nuclei.clusters.redis_single import RedisSingle

NODE = "redis-1"


def console(stage: Stage, node: str = NODE) -> Console:
    assert isinstance(stage.cluster, RedisSingle)
    return stage.cluster.servers[node].console


def test_roles_and_surroundings(single: Stage) -> None:
    assert single.cluster.roles() == {NODE: "standalone", "ledger": "standalone"}
    assert single.cluster.primary() == NODE
    told = single.cluster.surroundings("c2", {"ttl": 2.0})
    assert told.nodes == {"redis": [NODE], "ledger": ["ledger"]}
    assert told.endpoints[NODE] == single.platform.endpoint("c2", NODE) == told.address_book["redis-1:6391"]
    assert told.settings["ttl"] == 2.0
    assert single.cluster.versions()["redis-server"][0].isdigit()


@pytest.mark.parametrize("harm", ["paused", "killed", "cut", "full"])
def test_reset_undoes_whatever_was_done(single: Stage, harm: str) -> None:
    for node in (NODE, "ledger"):
        console(single, node).ask("SET", KEY, "left over")
    console(single).ask("CONFIG", "SET", "maxmemory", "10mb")
    if harm == "paused":
        single.platform.pause(NODE)
    elif harm == "killed":
        single.platform.kill(NODE)
    elif harm == "cut":
        single.platform.links.cut(["c1>redis-1"], "stall")
    single.cluster.reset(KEY)
    assert [console(single, node).ask("DBSIZE") for node in (NODE, "ledger")] == [[0], [0]]
    assert console(single).ask("CONFIG", "GET", "maxmemory") == ["maxmemory", "0"]
    assert single.cluster.ping("c1", NODE, timeout=1.0)
    assert single.platform.links.cut_now() == {}


def test_reset_closes_what_earlier_clients_left_open(single: Stage) -> None:
    import redis

    place = single.platform.endpoint("c1", NODE)
    with redis.Redis(host=place.host, port=place.port, retry=None, socket_timeout=2) as client:
        client.ping()
        own = client.client_id()
        single.cluster.reset(KEY)
        listed = console(single).text("CLIENT", "LIST")
        assert not [line for line in listed if f"id={own} " in line]


def test_a_frozen_node_is_down(single: Stage) -> None:
    single.platform.pause(NODE)
    assert single.cluster.roles()[NODE] == "down"
    assert single.cluster.primary() is None


def test_a_console_survives_what_happens_to_its_server(single: Stage) -> None:
    admin = console(single)
    assert admin.ask("SET", KEY, 'a "b"\n\\c, é') == ["OK"]
    assert admin.ask("GET", KEY) == ['a "b"\n\\c, é']
    with pytest.raises(ConsoleError, match="unknown command"):
        admin.ask("NOSUCH")
    assert admin.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
    assert admin.ask("PING") == ["PONG"]
    single.platform.kill(NODE)
    single.platform.start_node(NODE)
    assert until(lambda: admin.ask("PING") == ["PONG"])


def test_the_observer_sees_who_held_the_key_and_why_it_ended(single: Stage, tmp_path: Path) -> None:
    admin = console(single)
    with Watched(single, tmp_path) as watched:
        before = time.monotonic_ns()
        admin.ask("SET", KEY, "deleted", "NX", "PX", 30000)
        until(lambda: watched.server(event="began", owner="deleted"))
        admin.ask("DEL", KEY)
        admin.ask("SET", KEY, "expired", "NX", "PX", 150)
        ended = until(lambda: watched.server(event="ended", owner="expired"))[0]
        admin.ask("SET", KEY, "replaced")
        until(lambda: watched.server(event="began", owner="replaced"))
        admin.ask("SET", KEY, "flushed")
        until(lambda: watched.server(event="began", owner="flushed"))
        admin.ask("FLUSHALL")
        until(lambda: watched.server(event="ended", owner="flushed"))
    ends = {row.owner: row.reason for row in watched.server(event="ended")}
    assert ends == {"deleted": "deleted", "expired": "expired", "replaced": "replaced", "flushed": "flushed"}
    began = watched.server(event="began", owner="expired")[0]
    assert 140 <= (ended.t - began.t) / 1e6 <= 400
    times = [row.t for row in watched.server(node=NODE)]
    assert times == sorted(times)
    assert before < times[0]


def test_the_observer_counts_holds_too_short_to_read(single: Stage, tmp_path: Path) -> None:
    admin = console(single)
    with Watched(single, tmp_path) as watched:
        # In one step, so that nobody can read what is there in between.
        steps = ("'SET', KEYS[1], 'blink'", "'DEL', KEYS[1]", "'SET', KEYS[1], 'stays'")
        admin.ask("EVAL", " ".join(f"redis.call({step})" for step in steps), 1, KEY)
        until(lambda: watched.server(event="began", owner="stays"))
    events = [(row.event, row.owner, row.reason) for row in watched.server(key=KEY) if row.event in {"began", "ended"}]
    assert events == [("began", None, None), ("ended", None, "deleted"), ("began", "stays", None)]


def test_the_observer_says_when_it_was_blind(single: Stage, tmp_path: Path) -> None:
    admin = console(single)
    with Watched(single, tmp_path) as watched:
        admin.ask("SET", KEY, "survivor")
        until(lambda: watched.server(event="began", owner="survivor"))
        frozen = time.monotonic_ns()
        single.platform.pause(NODE)
        blind = until(lambda: watched.server(event="blind"))[0]
        single.platform.resume(NODE)
        seeing = until(lambda: watched.server(event="seeing"))[0]
        assert abs(blind.t - frozen) < 500_000_000
        assert seeing.t > blind.t
        assert "survivor" in (seeing.evidence or "")
        assert not watched.server(event="ended")


def test_the_observer_sees_a_restart(single: Stage, tmp_path: Path) -> None:
    with Watched(single, tmp_path) as watched:
        console(single).ask("SET", KEY, "forgotten")
        until(lambda: watched.server(event="began", owner="forgotten"))
        single.platform.kill(NODE)
        until(lambda: watched.role(role="down"))
        single.platform.start_node(NODE)
        until(lambda: watched.server(event="ended", owner="forgotten", reason="restart"))
        console(single).ask("SET", KEY, "next")
        until(lambda: watched.server(event="began", owner="next"))
    first, down, again = watched.role(node=NODE)
    assert (first.role, down.role, again.role) == ("primary", "down", "primary")
    assert first.run_id != again.run_id
    assert "restarted; key absent" in (again.evidence or "")


@pytest.mark.parametrize("state", ["paused", "dead"])
def test_the_observer_stops_in_time_whatever_the_node_does(single: Stage, tmp_path: Path, state: str) -> None:
    with Watched(single, tmp_path) as watched:
        (single.platform.pause if state == "paused" else single.platform.kill)(NODE)
        until(lambda: watched.server(event="blind"))


def test_the_observer_costs_little(single: Stage, tmp_path: Path) -> None:
    with Watched(single, tmp_path):
        busy = time.process_time()
        began = time.monotonic()
        time.sleep(1.0)
        share = (time.process_time() - busy) / (time.monotonic() - began)
    assert share < 0.06
