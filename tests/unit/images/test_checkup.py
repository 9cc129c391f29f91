"""The doctor's findings as values, and what follows from them."""

from __future__ import annotations

import pytest

from lockquake import checkup
from lockquake.checkup import Finding, can_run_main_job, check_up, programs
from lockquake.cli.doctor import as_text


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
