"""The doctor's findings as values, and what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from lockquake import checkup, checkup_docker, checkup_process
from lockquake.abilities import Ability
from lockquake.checkup import check_up, usable
from lockquake.cli.doctor import as_text
from lockquake.finding import Finding

if TYPE_CHECKING:
    from docker import DockerClient


def test_a_platform_is_usable_when_nothing_that_it_needs_is_missing() -> None:
    fine = Finding(check="python", state="ok", found="Python 3.12")
    later = Finding(platform="process", check="names", state="optional", found="no namespaces", remedy="run as root")
    stops = Finding(platform="docker", check="docker", state="missing", found="no Docker daemon", remedy="install it")
    old = Finding(check="python", state="missing", found="Python 3.9", remedy="install a newer one")
    assert usable([fine, later]) == ["docker", "process"]
    assert usable([fine, later, stops]) == ["process"]
    assert usable([old, later]) == []
    text = as_text([fine, later, stops], [])
    assert "The main job can run" in text
    assert "-> install it" in text
    assert "cannot run yet" in as_text([old], [])


def test_the_table_numbers_its_reasons() -> None:
    both = Ability(kind="fault", name="pause-node", reasons={"docker": None, "process": None})
    some = [
        Ability(kind="cluster", name=name, reasons={"docker": None, "process": "no Java; install it"})
        for name in ("zookeeper", "zookeeper-5")
    ]
    text = as_text([], [both, *some])
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith("  ")}
    assert lines["pause-node"] == ["yes", "yes"]
    assert lines["zookeeper"] == lines["zookeeper-5"] == ["yes", "no", "[1]"]
    assert "  [1] no Java\n" in text


def test_without_a_daemon_every_other_check_still_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    findings = {finding.check: finding for finding in check_up()}
    assert findings["docker"].state == "missing"
    assert findings["docker"].remedy.startswith("install it as root")
    assert findings["python"].state == "ok"
    assert {"workers", "image building", "redis", "zookeeper", "names"} <= set(findings)
    assert "docker" not in usable(list(findings.values()))


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "OLDEST_PYTHON", (99, 0))
    assert checkup.python().state == "missing"


def test_what_the_process_platform_lacks_names_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup_process.servers, "why_not", lambda image: f"no {image} here; as root: apt-get it")
    monkeypatch.setattr(checkup_process.namespaces, "why_not", lambda: "not permitted; run as root")
    found = {finding.check: finding for finding in checkup_process.check_up()}
    assert (found["redis"].state, found["zookeeper"].state, found["names"].state) == ("missing", "optional", "optional")
    assert found["zookeeper"].remedy == "as root: apt-get it"
    assert usable(list(found.values())) == ["docker"]


@pytest.mark.parametrize(("span", "words"), [("ten", "no range of ports"), ("21000-21009", "it has 10 ports")])
def test_a_bad_range_of_ports_keeps_the_main_job_from_running(
    span: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checkup_docker.ports().state == "ok"
    monkeypatch.setenv("LOCKQUAKE_PORTS", span)
    finding = checkup_docker.ports()
    assert finding.state == "missing"
    assert words in finding.found
    assert "20000-29999" in finding.remedy


@pytest.mark.parametrize(
    ("block", "words"), [("ten", "no block"), ("10.9.0.0/30", "0 subnets"), ("10.9.0.0/28", "2 subnets")]
)
def test_a_bad_block_is_found_before_anything_is_asked_of_the_daemon(
    block: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[str] = []
    monkeypatch.setattr(checkup_docker, "sweep_run", lambda client, run_id: swept.append(run_id))
    monkeypatch.setenv("LOCKQUAKE_SUBNETS", block)
    finding = checkup_docker.addresses(cast("DockerClient", None))
    assert finding.state == "missing"
    assert words in finding.found
    assert "10.203.0.0/16" in finding.remedy
    assert "prune" not in finding.remedy
