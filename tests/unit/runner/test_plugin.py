"""The pytest plugin as a user meets it, in a project of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("docker", "testcontainers", "redis", "kazoo", "numpy", "hypothesis", "requests", "checker", "nuclei", "faults")


def run_pytest(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """pytest in a project that only has the plugin, and no Docker."""
    report = f"import sys; print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    code = f"import sys, pytest; code = pytest.main(sys.argv[1:]); {report}; sys.exit(code)"
    command = [sys.executable, "-c", code, "-p", "lockquake.pytest_plugin", "-p", "no:cacheprovider", *arguments]
    variables = os.environ | {"DOCKER_HOST": "tcp://127.0.0.1:1", "PYTHONPATH": str(ROOT)} | environment
    variables.pop("PYTEST_DISABLE_PLUGIN_AUTOLOAD", None)
    return subprocess.run(
        command, cwd=directory, env=variables, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers --strict-config\n")
    (tmp_path / "test_mine.py").write_text(
        "import pytest\n"
        "@pytest.mark.partition\n"
        "def test_cut(lockquake): lockquake.keeps('redis-setnx@redis-single', 'partition')\n"
        "@pytest.mark.pause\n"
        "def test_pause(lockquake): lockquake.keeps('redis-setnx@redis-single', 'pause-client')\n"
    )
    return tmp_path


def test_collecting_needs_no_docker_and_loads_nothing_heavy(project: Path) -> None:
    done = run_pytest(project, "--collect-only", "-q", "-p", "no:hypothesispytest")
    assert "2 tests collected" in done.stdout, done.stdout + done.stderr
    loaded = done.stdout.split("LOADED")[1]
    assert "docker" not in loaded
    assert "nuclei" not in loaded
    assert "redis" not in loaded


def test_markers_pick_by_fault_family(project: Path) -> None:
    done = run_pytest(project, "--collect-only", "-q", "-m", "partition")
    assert "test_cut" in done.stdout
    assert "test_pause" not in done.stdout.split("LOADED")[0].replace("deselected", "")


def test_markers_are_documented(project: Path) -> None:
    done = run_pytest(project, "--markers")
    for marker in ("partition", "pause", "kill", "failover"):
        assert f"@pytest.mark.{marker}:" in done.stdout


def test_without_docker_a_trial_is_an_error_not_a_failure_of_the_lock(project: Path) -> None:
    done = run_pytest(project, "-q", "-m", "partition", "--lockquake-platform", "docker")
    assert "1 error" in done.stdout, done.stdout
    assert "Docker" in done.stdout
    assert "failed" not in done.stdout.split("LOADED")[0]


@pytest.mark.parametrize("how", ["option", "environment", "ini"])
def test_an_option_has_three_ways_in(project: Path, how: str) -> None:
    arguments, environment = [], {}
    if how == "option":
        arguments = ["--lockquake-seed=many"]
    elif how == "environment":
        environment = {"LOCKQUAKE_SEED": "many"}
    else:
        (project / "pytest.ini").write_text("[pytest]\nlockquake_seed = many\n")
    done = run_pytest(project, "-q", "-m", "partition", *arguments, **environment)
    assert "--lockquake-seed=many: a whole number is needed" in done.stdout, done.stdout
