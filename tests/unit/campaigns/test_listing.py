"""What ``lockquake list`` leaves when it is narrowed."""

from __future__ import annotations

import json

import pytest

from faults.families import FAMILIES
from faults.grammar import BadArgument
from lockquake.cli import main
from lockquake.cli.listing import KINDS, listing, narrowed
from nuclei.registry import UnknownName


def test_a_kind_is_shown_alone() -> None:
    assert list(narrowed(listing())) == list(KINDS)
    assert list(narrowed(listing(), ["faults"])) == ["faults"]


def test_a_text_narrows_every_kind_to_names_that_contain_it() -> None:
    found = narrowed(listing(), ["sentinel"])
    assert [entry["name"] for entry in found["clusters"]] == ["redis-sentinel"]
    assert set(found) <= {"clusters", "locks"}
    names = {entry["name"] for entry in narrowed(listing(), ["locks", "setnx", "redlock"])["locks"]}
    assert {"redis-setnx", "redis-setnx-expire", "redlock"} <= names
    assert "zk-sequential" not in names


def test_a_cluster_narrows_to_what_runs_and_can_happen_there() -> None:
    found = narrowed(listing(), cluster="zookeeper")
    assert {entry["name"] for entry in found["faults"]} == set(FAMILIES) - {"failover"}
    assert [entry["name"] for entry in found["clusters"]] == ["zookeeper"]
    assert all("zookeeper" in entry["clusters"] for entry in found["locks"])
    assert "workloads" not in found


def test_what_nothing_is_left_of_is_said() -> None:
    with pytest.raises(BadArgument, match="nothing is called nosuch"):
        narrowed(listing(), ["nosuch"])
    with pytest.raises(UnknownName, match="no cluster 'redis'"):
        narrowed(listing(), cluster="redis")


def test_the_command_prints_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["list", "locks", "redis-setnx-expire", "--json"])
    assert stopped.value.code == 0
    (lock,) = json.loads(capsys.readouterr().out)["locks"]
    assert {claim["verdict"] for claim in lock["claims"]} == {"kept", "lost", "unclaimed"}
