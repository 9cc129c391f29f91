"""The doctor's findings as values, and what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from lockquake import checkup
from lockquake.checkup import Finding, can_run_main_job, check_up, programs
from lockquake.cli.doctor import as_text

if TYPE_CHECKING:
    from docker import DockerClient


def test_only_what_is_missing_stops_the_main_job() -> None:
    fine = Finding(check="python", state="ok", found="Python 3.12")
    later = Finding(check="cc", state="optional", found="not installed", remedy="apt-get install gcc")
    stops = Finding(check="docker", state="missing", found="no Docker daemon", remedy="install it")
    assert can_run_main_job([fine, later])
    assert not can_run_main_job([fine, later, stops])
    assert "The main job can run" in as_text([fine, later])
    text = as_text([fine, later, stops])
    assert "cannot run yet" in text
    assert "-> install it" in text


def test_without_a_daemon_every_other_check_still_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    findings = {finding.check: finding for finding in check_up()}
    assert findings["docker"].state == "missing"
    assert findings["docker"].remedy.startswith("install it as root")
    assert findings["python"].state == "ok"
    assert {"workers", "image building", "java", "cc"} <= set(findings)
    assert not can_run_main_job(list(findings.values()))


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "OLDEST_PYTHON", (99, 0))
    assert checkup.python().state == "missing"


def test_programs_name_the_command_that_brings_them() -> None:
    found = list(programs(which=lambda _: None))
    assert {finding.state for finding in found} == {"optional"}
    assert all("apt-get install" in finding.remedy for finding in found)
    assert all(finding.state == "ok" for finding in programs(which=lambda name: f"/usr/bin/{name}"))


@pytest.mark.parametrize(("span", "words"), [("ten", "no range of ports"), ("21000-21009", "it has 10 ports")])
def test_a_bad_range_of_ports_keeps_the_main_job_from_running(
    span: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checkup.ports().state == "ok"
    monkeypatch.setenv("LOCKQUAKE_PORTS", span)
    finding = checkup.ports()
    assert finding.state == "missing"
    assert words in finding.found
    assert "20000-29999" in finding.remedy


@pytest.mark.parametrize(("block", "words"), [("ten", "no block"), ("10.9.0.0/30", "0 subnets"), ("10.9.0.0/28", "16")])
def test_a_bad_block_is_found_before_anything_is_asked_of_the_daemon(
    block: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[str] = []
    monkeypatch.setattr(checkup, "sweep_run", lambda client, run_id: swept.append(run_id))
    monkeypatch.setenv("LOCKQUAKE_SUBNETS", block)
    finding = checkup.addresses(cast("DockerClient", None))
    assert finding.state == "missing"
    assert words in finding.found
    assert "10.203.0.0/16" in finding.remedy
    assert "prune" not in finding.remedy
