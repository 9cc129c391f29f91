"""Labels name one process of one boot; only what certainly belongs to a dead owner counts as dead."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nuclei.platforms.leftover_workers import Worker, dead_workers, end_worker, parse_owner
from nuclei.platforms.ownership import (
    Host,
    alive,
    labels,
    owner_is_dead,
    owner_variable,
    parse_stat,
    read_stat,
    this_host,
)

STAT = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1000 1 18446744073709551615 0 0"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "60"])
    yield child
    child.kill()
    child.wait()


def test_stat_is_read_behind_any_process_name() -> None:
    assert (parse_stat(STAT).state, parse_stat(STAT).started) == ("S", 987654)
    with pytest.raises(ValueError, match="not a line of"):
        parse_stat("42 (sh) S 1")


def test_a_process_is_its_id_and_its_start(sleeper: subprocess.Popen[bytes]) -> None:
    stat = read_stat(sleeper.pid)
    assert stat is not None
    assert alive(sleeper.pid, stat.started)
    assert not alive(sleeper.pid, stat.started + 1)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not alive(sleeper.pid, stat.started), "a zombie lives no more"
    sleeper.wait()
    assert read_stat(sleeper.pid) is None


def test_labels_of_this_process_are_alive() -> None:
    mine = labels("r1")
    assert mine["lockquake.run"] == "r1"
    assert mine["lockquake.pid"] == str(os.getpid())
    assert Host.parse(mine["lockquake.host"]) == this_host()
    assert not owner_is_dead(mine, daemon_is_local=True)


def dead_labels(**changes: str) -> dict[str, str]:
    """Labels of a process that never was: our id with another start time."""
    return labels("r1") | {"lockquake.started": "1"} | {f"lockquake.{k}": v for k, v in changes.items()}


def test_a_dead_owner_of_this_host_is_dead() -> None:
    assert owner_is_dead(dead_labels(), daemon_is_local=True)
    assert owner_is_dead(dead_labels(), daemon_is_local=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "elsewhere+boot+4026531836"},
        {"host": f"{this_host().name}+{this_host().boot}+1"},
        {"host": ""},
        {"host": "no-plus"},
        {"pid": "x"},
        {"pid": ""},
        {"started": ""},
    ],
)
def test_what_cannot_be_known_is_left_alone(changes: dict[str, str]) -> None:
    assert not owner_is_dead(dead_labels(**changes), daemon_is_local=True)


def test_an_owner_from_before_a_reboot_is_dead_where_the_daemon_is_local() -> None:
    earlier = labels("r1") | {"lockquake.host": f"{this_host().name}+another-boot+{this_host().pids}"}
    assert owner_is_dead(earlier, daemon_is_local=True)
    assert not owner_is_dead(earlier, daemon_is_local=False)


def test_a_host_name_with_a_plus_survives() -> None:
    host = Host("a+b", "boot", "7")
    assert Host.parse(str(host)) == host


@pytest.mark.parametrize(
    ("environ", "owner"),
    [
        (b"A=1\0LOCKQUAKE_OWNER=12:345\0B=2\0", (12, 345)),
        (b"LOCKQUAKE_OWNER=12\0", None),
        (b"LOCKQUAKE_OWNER=x:y\0", None),
        (b"MY_LOCKQUAKE_OWNER=1:2\0", None),
        (b"", None),
    ],
)
def test_a_worker_is_known_by_its_environment(environ: bytes, owner: tuple[int, int] | None) -> None:
    assert parse_owner(environ) == owner


def start_worker(owner: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"LOCKQUAKE_OWNER": owner}
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    return child


def test_workers_of_dead_runners_are_found_and_ended_and_others_are_not() -> None:
    orphan, served = start_worker(f"{os.getpid()}:1"), start_worker(owner_variable()["LOCKQUAKE_OWNER"])
    try:
        found = {worker.pid: worker for worker in dead_workers()}
        assert orphan.pid in found
        assert served.pid not in found
        assert end_worker(found[orphan.pid])
        assert orphan.wait(10) == -9
        assert not end_worker(found[orphan.pid]), "ended once"
        assert served.poll() is None
    finally:
        for child in (orphan, served):
            child.kill()
            child.communicate()


def test_a_reused_process_id_is_not_ended(sleeper: subprocess.Popen[bytes]) -> None:
    assert not end_worker(Worker(sleeper.pid, 1, 1, 1))
    assert sleeper.poll() is None


def test_processes_that_may_not_be_read_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "self").mkdir()
    assert dead_workers(tmp_path) == []
