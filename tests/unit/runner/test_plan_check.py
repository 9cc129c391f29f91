"""Whatever cannot be meant is refused when the plan is made or read, before anything is started."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from faults.grammar import BadArgument
from lockquake.cli import main
from lockquake.plan import build, read_plan, write_plan
from nuclei.platforms.base import Unsupported

SINGLE = "redis-set-nx-px@redis-single"
SENTINEL = "redis-set-nx-px@redis-sentinel"
ZOOKEEPER = "zk-sequential@zookeeper"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lock.ttl=abc", "a number is needed"),
        ("lock.ttl=nan", "a number is needed"),
        ("lock.ttl=inf", "a number is needed"),
        ("lock.ttl=on", "a number is needed"),
        ("lock.ttl=2x", "a number is needed"),
        ("lock.ttl=0", "more than 0"),
        ("lock.ttl=-1", "more than 0"),
        ("lock.ttl=-0.5", "more than 0"),
        ("lock.op_timeout=0s", "more than 0"),
        ("lock.ttl=99999999999", "at most"),
        ("workload.hold=-1", "not be negative"),
        ("workload.writes=1.5", "whole number"),
        ("workload.heed_deadline=3", "on or off"),
        ("ledger.fencing=maybe", "on or off"),
        ("cluster.persistence=rdb", "none or aof"),
    ],
)
def test_settings_have_the_type_of_their_default(text: str, words: str) -> None:
    with pytest.raises(BadArgument, match=words):
        build(SINGLE, settings=[text])


def test_settings_given_as_values_are_checked_as_well() -> None:
    for value in (math.nan, -1, True):
        with pytest.raises(BadArgument):
            build(SINGLE, settings={"lock.ttl": value})
    assert build(SINGLE, settings={"lock.ttl": "2s", "workload.writes": 2}).lock_settings["ttl"] == 2.0


def test_a_text_stays_the_text_that_was_typed() -> None:
    assert build(SINGLE, settings=["cluster.redis_conf=007"]).cluster_settings["redis_conf"] == "007"
    assert build(SINGLE, settings=["cluster.redis_conf=off"]).cluster_settings["redis_conf"] == "off"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("pause-client:for=abc", "no duration"),
        ("pause-client:for=-1s", "no duration"),
        ("pause-client:for=999999999s", "at most"),
        ("failover:within=soon", "no duration"),
        ("pause-client:target=c99", "no such client"),
        ("pause-client:target=redis-1", "no such client"),
        ("kill-client:client=c99", "c1 to c3"),
        ("partition:client=c0", "c1 to c3"),
        ("pause-node:target=redis-9", "no such node .*redis-3"),
        ("kill-node:target=ledger", "no such node"),
        ("kill-node:target=c1", "no such node"),
        ("partition:side=x", "primary, primary.client or client"),
        ("partition:how=x", "black-hole, stall or close"),
        ("partition:ledger=x", "keep or cut"),
        ("failover:recipe=x", "cut-then-kill, split-brain or ordered"),
    ],
)
def test_faults_name_what_there_is(fault: str, words: str) -> None:
    with pytest.raises(BadArgument, match=words):
        build(SENTINEL, faults=[fault])


@pytest.mark.parametrize(
    ("nucleus", "fault"),
    [
        (SENTINEL, "pause-node:target=sentinel-2,for=0.5x"),
        (SENTINEL, "failover:recipe=split-brain,within=20s,client=c3"),
        (ZOOKEEPER, "kill-node:target=zk-3"),
        (ZOOKEEPER, "pause-node:target=leader"),
        (SINGLE, "pause-client:target=c2,for=500ms"),
        ("redis-setnx@redis-single", "pause-client:for=2x"),
        (SINGLE, "partition:side=primary+client,how=stall,ledger=cut"),
    ],
)
def test_what_can_be_meant_is_accepted(nucleus: str, fault: str) -> None:
    assert build(nucleus, faults=[fault]).schedule[0].name == fault.partition(":")[0]


@pytest.mark.parametrize("nucleus", [SINGLE, ZOOKEEPER])
def test_a_failover_without_replicas_is_unsupported(nucleus: str) -> None:
    with pytest.raises(Unsupported, match="failover needs a replica"):
        build(nucleus, faults=["failover"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": "red"}, "is no plan"),
        ({"seed": "one"}, "is no plan"),
        ({"seed": 2**70}, "is no plan|64 bits"),
        ({"clients": 0}, "at least one"),
        ({"platform": "mainframe"}, "no platform"),
        ({"lock_settings": {"ttl": "abc"}}, "a number is needed"),
        ({"lock_settings": {"ttl": -1}}, "more than 0"),
        ({"lock_settings": {"tll": 1.0}}, "no setting"),
        ({"schedule": [{"name": "pause-client", "colour": "red"}]}, "is no plan"),
        ({"schedule": [{"name": "pause-client", "trigger": {"piont": "granted"}}]}, "is no plan"),
        ({"schedule": [{"name": "pause-client", "trigger": {"point": "noon"}}]}, "at=noon"),
        ({"schedule": [{"name": "pause-client", "trigger": {}}]}, "either a point or a time"),
        ({"schedule": [{"name": "pause-client", "trigger": {"after": -1.0}}]}, "no time"),
        ({"schedule": [{"name": "pause-client", "params": {"for": "abc"}}]}, "no duration"),
    ],
)
def test_a_plan_from_a_file_is_checked_like_a_typed_one(tmp_path: Path, change: dict[str, object], words: str) -> None:
    file = tmp_path / "plan.json"
    write_plan(build(SINGLE, faults=["pause-client"]), file)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(BadArgument, match=words):
        read_plan(file)


def test_settings_that_an_older_plan_lacks_get_their_defaults(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    plan = build(SINGLE, settings=["lock.ttl=7s"])
    write_plan(plan, file)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"trial_settings": {}, "lock_settings": {"ttl": 7.0}}))
    assert read_plan(file) == plan


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([SINGLE, "--set", "lock.ttl=nan"], 64),
        ([SENTINEL, "--fault", "pause-node:target=redis-9"], 64),
        ([SINGLE, "--fault", "failover"], 4),
    ],
)
def test_the_command_line_refuses_in_one_sentence_before_anything_starts(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(SystemExit) as stopped:
        main(["run", *arguments])
    assert stopped.value.code == code
    said = capsys.readouterr().err
    assert said.startswith("lockquake: ")
    assert said.count("\n") == 1
