"""Whatever ends a run — Ctrl-C, SIGTERM, SIGKILL — nothing is left behind and what was recorded can be judged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60.0


class Run:
    """A `lockquake run` in a process of its own, paused client for a long time so that it is caught in mid-trial."""

    def __init__(self, runs: Path, platform: str) -> None:
        self.runs = runs
        self.platform = platform
        command = [sys.executable, "-m", "lockquake", "run", "redis-set-nx-px@redis-single"]
        arguments = ["--fault", "pause-client:for=45s", "--runs", str(runs), "--platform", platform]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command + arguments, cwd=runs, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        self.words: list[str] = []

    def until_injected(self) -> None:
        """Read progress until the fault is being injected, then until its row says it is proven."""
        stderr: IO[str] = self.process.stderr  # type: ignore[assignment]
        for line in stderr:
            self.words.append(line)
            if "injecting" in line:
                break
        else:
            pytest.fail("the run ended early:\n" + "".join(self.words))
        deadline = time.monotonic() + LIMIT
        while not any(b'"proven"' in part.read_bytes() for part in self.runs.glob("*/parts/runner.jsonl")):
            assert time.monotonic() < deadline, "the fault was never proven"
            time.sleep(0.02)

    def end(self, number: int) -> int:
        """Send a signal and wait; returns the exit code."""
        self.process.send_signal(number)
        self.words += self.process.communicate(timeout=LIMIT)[1].splitlines(keepends=True)
        return self.process.returncode

    def directory(self) -> Path:
        """The one run directory (``latest`` is a link to it)."""
        (found,) = {path.parent.resolve() for path in self.runs.glob("*/plan.json")}
        return found

    def owned(self) -> list[str]:
        """Names of containers and networks, or of directories, that this run's process owns."""
        if self.platform == "process":
            owners = Path(tempfile.gettempdir()).glob("lockquake-*/owner.json")
            return [path.parent.name for path in owners if self._is_ours(path)]
        import docker

        client = docker.from_env()
        try:
            wanted = {"label": f"lockquake.pid={self.process.pid}"}
            containers = client.containers.list(all=True, filters=wanted)
            return [c.name for c in containers] + [n.name for n in client.networks.list(filters=wanted)]
        finally:
            client.close()

    def _is_ours(self, owner: Path) -> bool:
        try:
            found = json.loads(owner.read_text(encoding="utf-8"))
        except FileNotFoundError:  # another run's, which has just ended
            return False
        return bool(found["lockquake.pid"] == str(self.process.pid))


@pytest.fixture
def run(platform_name: str, tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path, platform_name)
    yield run
    if run.process.poll() is None:
        run.end(signal.SIGTERM)
    if run.process.stderr:
        run.process.stderr.close()


def workers(pid: int) -> list[int]:
    """Client processes, and servers on process, that this runner started and that still run."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if f"LOCKQUAKE_OWNER={pid}:".encode() in (directory / "environ").read_bytes():
                found.append(int(directory.name))
        except OSError:
            continue
    return [p for p in found if p != pid]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_heals_sweeps_and_keeps_the_history(run: Run, number: int, code: int) -> None:
    run.until_injected()
    assert run.owned()
    assert run.end(number) == code, "".join(run.words)
    assert run.owned() == []
    assert workers(run.process.pid) == []
    directory = run.directory()
    rows = (directory / "history.jsonl").read_text()
    assert '"state":"healed"' in rows
    assert '"why":"interrupted"' in rows


def test_after_a_sigkill_doctor_sweeps_and_check_reads_what_was_written(run: Run) -> None:
    run.until_injected()
    assert run.end(signal.SIGKILL) == -signal.SIGKILL
    deadline = time.monotonic() + LIMIT
    while workers(run.process.pid):
        assert time.monotonic() < deadline, "clients outlived their runner"
        time.sleep(0.02)
    assert run.owned(), "the sweep would have nothing to do"
    command = [sys.executable, "-m", "lockquake"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    clean = subprocess.run(
        [*command, "doctor", "--clean"], env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert run.owned() == [], clean.stdout + clean.stderr
    directory = run.directory()
    assert not (directory / "history.jsonl").exists()
    checked = subprocess.run(
        [*command, "check", str(directory)], env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert checked.returncode in {0, 1, 2, 3}, checked.stderr
    assert "mutual-exclusion" in checked.stdout or "mutual exclusion" in checked.stdout
    assert "Traceback" not in checked.stderr
