"""Processes that left their parent's process group are stopped, continued and killed with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nuclei.platforms import signals
from nuclei.platforms.process import kin

# A child with a session of its own, and a child of that.
_FAMILY = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    os.fork()
    while True: time.sleep(1)
print("made", flush=True)
time.sleep(60)
"""


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", _FAMILY], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    deadline = time.monotonic() + 10
    while len(kin.descendants(process.pid)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    yield process
    process.stdout.close()
    process.kill()
    process.wait()
    kin.kill(kin.working_in(tmp_path))


def test_descendants_are_found_whatever_their_group(parent: subprocess.Popen[str]) -> None:
    made = kin.descendants(parent.pid)
    assert len(made) == 2
    assert all(os.getpgid(pid) != os.getpgid(parent.pid) for pid in made)
    assert kin.descendants(made[-1]) == []


def test_they_are_stopped_continued_and_killed(parent: subprocess.Popen[str]) -> None:
    made = kin.descendants(parent.pid)
    kin.stop(made)
    assert [signals.state(pid) for pid in made] == ["T", "T"]
    kin.go_on(made)
    assert "T" not in [signals.state(pid) for pid in made]
    kin.stop(made)
    kin.kill(made)
    assert set(map(signals.state, made)) <= {"", "Z", "X"}


def test_orphans_are_found_by_where_they_work(parent: subprocess.Popen[str], tmp_path: Path) -> None:
    made = set(kin.descendants(parent.pid))
    parent.kill()
    parent.wait()
    assert set(kin.working_in(tmp_path)) == made
    assert kin.working_in(tmp_path / "data") == []


def test_nobody_and_who_has_gone_are_no_errors() -> None:
    kin.kill([])
    gone = subprocess.Popen(["true"])
    gone.wait()
    kin.stop([gone.pid])
    assert kin.descendants(gone.pid) == []
