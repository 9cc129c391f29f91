"""Whole runs on platform process, each in a process of its own: killed, side by side, and as an unprivileged user."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import process_runner
import pytest
from remains import Footprint
from somebody_else import AsNobody

from nuclei.platforms.process import ProcessPlatform
from nuclei.platforms.signals import state
from nuclei.platforms.spawner import environment

PLATFORMS = ("process",)
LIMIT = 60.0
GONE_SECONDS = 2.0
"""Within which the kernel has ended everything of a runner that was killed."""


class Runner:
    """A process that runs a cluster, up once this is made."""

    def __init__(self, argv: Sequence[str], variables: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            argv, env=variables, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        line = self.process.stdout.readline() if self.process.stdout else b""
        if not line:
            pytest.fail(f"the runner did not come up: {self.process.communicate()[1].decode()}")
        self.told: dict[str, Any] = json.loads(line)
        self.footprint = Footprint(Path(self.told["home"]), self.told["block"])

    def go(self) -> None:
        """Let it prove itself and stop; nothing of it may be left."""
        out, err = self.process.communicate(b"go\n", timeout=LIMIT)
        assert (out, self.process.returncode) == (b"fine\n", 0), err.decode()
        assert self.footprint.left() == []

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def command(cluster: str, directory: Path) -> list[str]:
    return [sys.executable, process_runner.__file__, cluster, str(directory)]


@pytest.fixture
def stack(platform_name: str) -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def run(stack: ExitStack, cluster: str, directory: Path) -> Runner:
    # A directory of its own for temporary files: other runs of this user would sweep there as well.
    runner = Runner(command(cluster, directory), {**environment(), "TMPDIR": str(directory.parent)})
    stack.callback(runner.end)
    return runner


def require_servers(cluster: str) -> None:
    from lockquake.support import why_not_cluster
    from nuclei import registry

    if reason := why_not_cluster("process", registry.cluster(cluster)):
        pytest.skip(reason)


@pytest.mark.parametrize("cluster", ["redis-sentinel", "zookeeper"])
def test_everything_dies_with_a_killed_runner_and_the_next_start_sweeps(
    stack: ExitStack, tmp_path: Path, cluster: str
) -> None:
    require_servers(cluster)
    runner = run(stack, cluster, tmp_path / "killed")
    footprint = runner.footprint
    ours = {pid: said for pid, said in footprint.processes().items() if pid != runner.process.pid}
    nodes = [entry for entry in footprint.home.iterdir() if (entry / "pid").is_file()]
    pids = {entry.name: int((entry / "pid").read_text()) for entry in nodes}
    assert set(pids.values()) <= set(ours)
    assert {"proxy", "ledger"} <= set(pids)
    assert state(pids["ledger"]) == "T"
    assert "cat" in ours.values()  # beside a node, not a server
    runner.process.send_signal(signal.SIGKILL)
    runner.process.wait()
    killed = time.monotonic()
    while left := footprint.processes():
        assert time.monotonic() - killed < GONE_SECONDS, left
        time.sleep(0.01)
    assert footprint.left() == [str(footprint.home)]
    follower = run(stack, "redis-single", tmp_path / "next")
    assert any(footprint.home.name in line for line in follower.told["said"])
    assert footprint.left() == []
    follower.go()


def test_runs_side_by_side_do_not_disturb_each_other(stack: ExitStack, tmp_path: Path) -> None:
    runners = [run(stack, "redis-single", tmp_path / name) for name in ("one", "two")]
    assert len({runner.told["home"] for runner in runners}) == 2
    assert len({runner.told["block"] for runner in runners}) == 2
    for runner in runners:
        runner.go()


def test_a_start_that_fails_leaves_nothing(platform_name: str, tmp_path: Path, no_new_threads: None) -> None:
    from nuclei import registry

    platform = ProcessPlatform()
    cluster = registry.cluster("redis-single").make(platform, {})
    seen: list[Footprint] = []

    class Oops(Exception):
        pass

    def interrupt(text: str) -> None:
        if "nodes started" in text:
            seen.append(Footprint.of(platform))
            assert seen[0].processes()
            raise Oops

    with pytest.raises(Oops):
        platform.start(cluster.wiring(["c1"]), tmp_path, interrupt)
    assert seen[0].left() == []
    platform.stop()


@pytest.fixture
def as_nobody(platform_name: str) -> Iterator[AsNobody]:
    """Skips where we may not become somebody else."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; run by an unprivileged one, all tests here show the same")
    try:
        user = AsNobody()
    except OSError as error:
        pytest.skip(f"a process of nobody could not be started: {error}")
    yield user
    user.remove()


def test_an_unprivileged_user_gets_the_same(stack: ExitStack, as_nobody: AsNobody) -> None:
    argv = as_nobody.argv(command("redis-sentinel", as_nobody.home / "run"))
    runner = Runner(argv, as_nobody.variables)
    stack.callback(runner.end)
    assert {entry.stat().st_uid for entry in runner.footprint.home.iterdir()} == {as_nobody.user.pw_uid}
    assert runner.told["unnamed"] is None or "user namespace" in runner.told["unnamed"]
    runner.go()


def test_an_unprivileged_user_gets_verdicts(as_nobody: AsNobody) -> None:
    trial = ["redis-set-nx-ex-del@redis-single", "--fault", "pause-client", "--platform", "process"]
    runs = as_nobody.home / "runs"
    argv = as_nobody.argv([sys.executable, "-m", "lockquake", "run", *trial, "--runs", str(runs)])
    done = subprocess.run(
        argv, env=as_nobody.variables, cwd="/", capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "overstay" in done.stdout
    assert list(as_nobody.home.glob("lockquake-*")) == []
