"""One node as a child process: what can be done to it, what others do to it, and names of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nuclei.platforms.base import HarnessError, NodeSpec
from nuclei.platforms.process import launch, namespaces
from nuclei.platforms.process.node import ProcessNode
from nuclei.platforms.spawner import environment

SERVER = 'trap "" TERM; echo "up with $(cat "$CONF") in $(pwd)"; touch ready; while :; do sleep 60; done'
LIMIT = 5.0


def until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ProcessNode]:
    """A node whose server forks, started and ready."""
    conf = str(tmp_path / "conf")
    spec = NodeSpec(
        name="redis-1", role="redis", image="redis", port=1, command=["sh", "-c", SERVER], files={conf: "original"},
        env={"CONF": conf},
    )  # fmt: skip
    made = ProcessNode(spec, tmp_path, environment(), [])
    assert "redis-1 started pristine as process" in made.start(pristine=True)
    until((tmp_path / "data/ready").exists)
    yield made
    made.kill()


def group(node: ProcessNode) -> dict[int, str]:
    """The server and what it forked: process id → state."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == pid(node):
            found[int(entry.parent.name)] = fields[0]
    return found


def pid(node: ProcessNode) -> int:
    return int((node.home / "pid").read_text())


def test_it_runs_in_its_data_directory_and_logs(node: ProcessNode) -> None:
    until(lambda: f"up with original in {node.home}/data" in node.log())
    assert node.state() == "running"
    assert node.tail().startswith("up with")


def test_whatever_it_forked_shares_its_fate(node: ProcessNode) -> None:
    until(lambda: len(group(node)) == 2)
    assert "stopped by signal 19" in node.pause()
    until(lambda: set(group(node).values()) == {"T"})
    assert node.state() == "paused"
    assert "/stat: " in node.resume()
    until(lambda: "T" not in group(node).values())
    assert "ended by signal 9" in node.kill()
    until(lambda: set(group(node).values()) <= {"Z"})
    assert node.state() == "exited"
    assert node.kill() == "redis-1 had ended already"


@pytest.mark.parametrize("act", ["pause", "resume"])
def test_nothing_but_a_start_happens_to_a_dead_one(node: ProcessNode, act: str) -> None:
    node.kill()
    with pytest.raises(HarnessError, match=r"(?s)redis-1 cannot be (paused|resumed): it has ended.*up with original"):
        getattr(node, act)()


@pytest.mark.parametrize("pristine", [True, False])
def test_a_start_keeps_what_was_written_unless_it_is_pristine(node: ProcessNode, pristine: bool) -> None:
    (node.home / "conf").write_text("rewritten")
    (node.home / "data/kept").touch()
    (node.home / "data/ready").unlink()
    node.kill()
    node.start(pristine=pristine)
    until((node.home / "data/ready").exists)
    until(lambda: node.log().count("up with") == 2)
    assert (node.home / "data/kept").exists() != pristine
    assert f"up with {'original' if pristine else 'rewritten'}" in node.tail(1)


def test_what_we_do_is_no_disturbance(node: ProcessNode) -> None:
    node.watch_others()
    for _ in range(3):
        node.pause()
        assert node.disturbance() is None
        node.resume()
        assert node.disturbance() is None
    node.kill()
    assert node.disturbance() is None
    node.start(pristine=False)
    assert node.disturbance() is None


def test_what_others_do_is(node: ProcessNode) -> None:
    node.watch_others()
    os.kill(pid(node), signal.SIGSTOP)
    until(lambda: node.state() == "paused")
    assert node.disturbance() == "redis-1 was stopped"
    os.kill(pid(node), signal.SIGCONT)
    until(lambda: node.state() == "running")
    assert node.disturbance() == "redis-1 was stopped and continued"
    os.kill(pid(node), signal.SIGKILL)
    until(lambda: node.state() == "exited")
    assert node.disturbance() == "redis-1 ended by itself or was killed (code -9)"


def test_that_others_killed_it_is_not_hidden_by_a_fault_and_a_start(node: ProcessNode) -> None:
    until(lambda: len(group(node)) == 2)
    node.watch_others()
    os.kill(pid(node), signal.SIGKILL)
    until(lambda: node.state() == "exited")
    assert group(node), "what it forked lives on"
    assert "had ended already" in node.kill()
    until(lambda: not group(node))
    node.start(pristine=False)
    assert "ended by itself or was killed (code -9)" in (node.disturbance() or "")
    node.watch_others()
    assert node.disturbance() is None


def test_what_happened_before_the_watch_does_not_count(node: ProcessNode) -> None:
    os.kill(pid(node), signal.SIGSTOP)
    until(lambda: node.state() == "paused")
    os.kill(pid(node), signal.SIGCONT)
    until(lambda: node.state() == "running")
    node.watch_others()
    assert node.disturbance() is None


def test_one_that_others_let_go_on_while_we_hold_it_is_disturbed(node: ProcessNode) -> None:
    node.pause()
    os.kill(pid(node), signal.SIGCONT)
    until(lambda: node.state() == "running")
    assert node.disturbance() == "redis-1 was stopped and continued"


def test_a_command_that_is_not_there_ends_at_once_with_the_reason(tmp_path: Path) -> None:
    spec = NodeSpec(name="redis-1", role="redis", image="redis", port=1, command=["no-such-server"])
    node = ProcessNode(spec, tmp_path, dict(os.environ), [])
    node.start(pristine=True)
    until(lambda: node.state() == "exited")
    assert node.tail() == "launch: No such file or directory"


def launched(*argv: str, parent: int | None = None) -> subprocess.CompletedProcess[str]:
    command = [*namespaces.LAUNCHER, str(os.getpid() if parent is None else parent), *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)


def test_the_launcher_becomes_the_command() -> None:
    done = launched("--", "sh", "-c", 'echo "$0" $PPID; exit 7', "a  b")
    assert (done.returncode, done.stdout) == (7, f"a  b {os.getpid()}\n")


def test_the_launcher_starts_nothing_for_a_parent_that_has_ended() -> None:
    done = launched("--", "echo", "started", parent=1)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "the runner has ended\n")


@pytest.fixture
def may_name() -> None:
    if reason := namespaces.why_not():
        pytest.skip(reason)


def test_names_lead_elsewhere_inside_and_nowhere_else(tmp_path: Path, may_name: None) -> None:
    laid = namespaces.binds(tmp_path, {"lockquake-node": "127.99.1.2"})
    look = "import socket; print(socket.gethostbyname('lockquake-node'))"
    assert launched(*laid, "--", sys.executable, "-c", look).stdout == "127.99.1.2\n"
    outside = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False)
    assert outside.returncode != 0
    assert "lockquake-node" not in Path("/etc/hosts").read_text()
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def test_the_machines_own_names_stay_known(tmp_path: Path, may_name: None) -> None:
    laid = namespaces.binds(tmp_path, {"lockquake-node": "127.99.1.2"})
    look = "import socket; print(socket.gethostbyname('localhost'))"
    assert launched(*laid, "--", sys.executable, "-c", look).stdout == "127.0.0.1\n"


def test_what_cannot_be_laid_is_said(tmp_path: Path, may_name: None) -> None:
    done = launched(f"{tmp_path}/nothing:/etc/hosts", "--", "true")
    assert done.returncode == launch.FAILED
    assert done.stderr == f"launch: cannot lay {tmp_path}/nothing over /etc/hosts: No such file or directory\n"


def test_a_kernel_that_refuses_is_the_reason_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = [sys.executable, "-c", "import sys; sys.exit('launch: cannot make a user namespace: Permission denied')"]
    monkeypatch.setattr(namespaces, "command", lambda parent, laid, argv: refusing)
    namespaces.why_not.cache_clear()
    try:
        reason = namespaces.why_not() or ""
    finally:
        namespaces.why_not.cache_clear()
    assert reason.startswith("this kernel lets us make no mount namespace (cannot make a user namespace: Permission")
    assert namespaces.REMEDY in reason
