"""The quality gate itself, on a checkout of stand-ins: it must fail for each thing it exists for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from nuclei.platforms.ownership import read_stat

GATE = Path(__file__).resolve().parents[3] / ".ci/run"
CLOSING = "============ 3 passed, 1 skipped in 0.50s ============"


def program(path: Path, lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which every step passes and the daemon has nothing."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(GATE, tmp_path / ".ci/run")
    for tool in ("ruff", "mypy"):
        program(tmp_path / ".venv/bin" / tool, "exit 0")
    program(tmp_path / "tools/docker", "exit 0")
    make_test(tmp_path, f"echo '{CLOSING}'")
    return tmp_path


def make_test(checkout: Path, recipe: str) -> None:
    (checkout / "Makefile").write_text(f"SHELL := /bin/bash\ntest:\n\t@{recipe}\n")


def gate(checkout: Path) -> tuple[int, list[str]]:
    environment = os.environ | {"PATH": f"{checkout}/tools:{os.environ['PATH']}", "CI": "true"}
    environment.pop("MAKEFLAGS", None)
    done = subprocess.run(
        ["bash", ".ci/run"],
        cwd=checkout,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, (done.stdout + done.stderr).splitlines()


def containers(checkout: Path, *lines: str) -> None:
    """What ``docker ps`` says: kind, name, owner's process id and start time."""
    listed = "; ".join(f"echo '{line}'" for line in lines)
    program(checkout / "tools/docker", f'[ "$1" = ps ] && {{ {listed}; }}; exit 0')


def test_it_passes_and_ends_with_pytests_own_line(checkout: Path) -> None:
    code, lines = gate(checkout)
    assert code == 0, lines
    assert lines[-2:] == ["all steps passed", CLOSING]


@pytest.mark.parametrize(("step", "tool"), [("lint", "ruff"), ("types", "mypy")])
def test_a_failed_tool_fails_it_and_is_named(checkout: Path, step: str, tool: str) -> None:
    program(checkout / ".venv/bin" / tool, "exit 3")
    code, lines = gate(checkout)
    assert code != 0
    assert f"FAILED: {step} (exit code 3)" in lines


def test_failed_tests_fail_it_and_the_other_steps_still_run(checkout: Path) -> None:
    make_test(checkout, "echo '===== 1 failed, 2 passed in 0.10s ====='; exit 1")
    code, lines = gate(checkout)
    assert code != 0
    assert any(line.startswith("FAILED: test (exit code") for line in lines)
    assert any(line.startswith("== types") for line in lines)
    assert lines[-1] == "===== 1 failed, 2 passed in 0.10s ====="


def test_a_process_left_behind_fails_it(checkout: Path) -> None:
    make_test(checkout, "setsid sleep 50 >/dev/null 2>&1 & echo $$! > left.pid")
    try:
        code, lines = gate(checkout)
        assert code != 0
        assert any("left behind: process" in line and "sleep 50" in line for line in lines)
    finally:
        os.kill(int((checkout / "left.pid").read_text()), signal.SIGKILL)


def test_a_container_of_a_dead_owner_fails_it(checkout: Path) -> None:
    containers(checkout, "container lockquake-r-1 1 5", "container lockquake-r-2")
    code, lines = gate(checkout)
    assert code != 0
    assert "left behind: container lockquake-r-1" in lines
    assert "left behind: container lockquake-r-2" in lines, "one without an owner's labels is left behind, too"


def test_another_lockquake_that_runs_meanwhile_does_not(checkout: Path) -> None:
    stat = read_stat(os.getpid())
    assert stat is not None
    containers(checkout, f"container lockquake-r-1 {os.getpid()} {stat.started}")
    code, lines = gate(checkout)
    assert code == 0, lines
