"""``lockquake servers`` exits 0 as long as something can run, and its JSON says what is missing and why."""

from __future__ import annotations

import json

import pytest

from lockquake.cli import main
from nuclei.platforms.process import servers
from nuclei.platforms.process.debian_packages import FetchFailed


def run(monkeypatch: pytest.MonkeyPatch, missing: dict[str, str], *arguments: str) -> int:
    monkeypatch.setattr(servers, "why_not", missing.get)
    monkeypatch.setattr(servers, "describe", lambda image: f"{image} of this test")
    with pytest.raises(SystemExit) as end:
        main(["servers", *arguments])
    return int(end.value.code or 0)


def test_present_servers_are_described(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, {}) == 0
    assert [line.split("  — ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "redis      present  redis of this test",
        "zookeeper  present  zookeeper of this test",
        "memcached  present  memcached of this test",
        "postgres   present  postgres of this test",
        "etcd       present  etcd of this test",
    ]


def test_without_zookeeper_the_rest_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, {"zookeeper": "no jars; get some"}, "--json") == 0
    redis, zookeeper, *_ = json.loads(capsys.readouterr().out)["servers"]
    assert (redis["present"], redis["found"], redis["why_not"]) == (True, "redis of this test", "")
    assert (zookeeper["present"], zookeeper["found"], zookeeper["why_not"]) == (False, "", "no jars; get some")


def test_without_redis_nothing_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, {"redis": "no Redis; get it"}) == 3
    assert "missing  no Redis; get it" in capsys.readouterr().out


def test_what_cannot_be_fetched_is_a_note_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ensure(image: str, say: object) -> None:
        raise FetchFailed(f"no network for {image}")

    monkeypatch.setattr(servers, "ensure", ensure)
    assert run(monkeypatch, {"zookeeper": "no jars; get some"}, "--ensure") == 0
    assert "no jars; get some (no network for zookeeper)" in capsys.readouterr().out
