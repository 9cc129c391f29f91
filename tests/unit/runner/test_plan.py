"""Plans: complete, plain data, the same again when read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.grammar import BadArgument
from lockquake.plan import Plan, build, lapse, read_plan, write_plan
from nuclei.registry import UnknownName

NUCLEUS = "redis-set-nx-px@redis-single"


def test_a_plan_is_complete_and_survives_its_file(tmp_path: Path) -> None:
    plan = build(NUCLEUS, faults=["pause-client:for=1x"], settings=["lock.ttl=3s"], seed=7)
    assert plan.lock_settings["ttl"] == 3.0
    assert plan.ledger_settings["fencing"] is True
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan
    assert read_plan(tmp_path) == plan


def test_a_failover_gets_a_lease_longer_than_itself_unless_the_user_says_otherwise() -> None:
    nucleus = "redis-set-nx-px@redis-sentinel"
    assert build(nucleus).lock_settings["ttl"] == 2.0
    assert build(nucleus, faults=["failover"]).lock_settings["ttl"] == 10.0
    assert build(nucleus, faults=["failover"], settings=["lock.ttl=1s"]).lock_settings["ttl"] == 1.0


def test_the_spec_follows_the_settings() -> None:
    spec = build(NUCLEUS, settings=["lock.ttl=3s"]).spec()
    assert spec.lease_ns == 3_000_000_000
    assert lapse(spec) == 3.0
    assert not spec.fencing_checked, "this lock hands out no fencing tokens"
    assert lapse(build("redis-setnx@redis-single").spec()) is None


def test_fencing_is_checked_for_locks_with_tokens_unless_switched_off() -> None:
    assert build("zk-sequential@zookeeper").spec().fencing_checked
    assert not build("zk-sequential@zookeeper", settings=["ledger.fencing=off"]).spec().fencing_checked


def test_every_component_has_a_stream_of_its_own() -> None:
    plan, same, other = build(NUCLEUS, seed=1), build(NUCLEUS, seed=1, clients=9), build(NUCLEUS, seed=2)
    assert plan.stream("c1").random() == same.stream("c1").random()
    assert plan.stream("c1").random() != plan.stream("c2").random()
    assert plan.stream("c1").random() != other.stream("c1").random()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"nucleus": "redis-set-nx-px"}, "no nucleus"),
        ({"nucleus": "@redis-single"}, "no nucleus"),
        ({"faults": ["kill-node:fro=1s"]}, "no parameter 'fro'"),
        ({"settings": ["lock.tll=1s"]}, "no setting 'lock.tll'"),
        ({"settings": {"key.ttl": 1}}, "no setting"),
        ({"clients": 0}, "at least one"),
        ({"nucleus": "zk-sequential@redis-single"}, "does not run on"),
    ],
)
def test_bad_arguments_say_what_would_be_right(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(BadArgument, match=words):
        build(**({"nucleus": NUCLEUS} | arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("nucleus", "fault", "words"),
    [
        ("redis-set-nx-pq@redis-single", "none", "did you mean redis-set-nx-px"),
        ("redis-set-nx-px@redis-simple", "none", "did you mean redis-single"),
        (NUCLEUS, "pause-clients", "did you mean pause-client"),
    ],
)
def test_unknown_names_get_the_nearest_known_ones(nucleus: str, fault: str, words: str) -> None:
    with pytest.raises(UnknownName, match=words):
        build(nucleus, faults=[fault])


def test_a_damaged_or_newer_plan_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    with pytest.raises(BadArgument, match="cannot read"):
        read_plan(file)
    file.write_text("{")
    with pytest.raises(BadArgument, match="is no plan"):
        read_plan(file)
    plan = build(NUCLEUS)
    write_plan(Plan(**{f: getattr(plan, f) for f in plan.__struct_fields__ if f != "version"}, version=99), file)
    with pytest.raises(BadArgument, match="plan version 99"):
        read_plan(file)
