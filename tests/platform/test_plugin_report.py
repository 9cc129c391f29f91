"""A user's own project with the plugin, on real servers: what a failing test of their lock shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MY_LOCK = '''
import threading
from lockquake.lock import Grant, Lock, Refused

class MyLock(Lock):
    """A mutex of one process, sold as a distributed lock."""
    mutex = threading.Lock()
    def acquire(self, attempt, limit):
        if not self.mutex.acquire(timeout=limit): raise Refused("busy")
        return Grant(owner=attempt.owner)
    def release(self): self.mutex.release()
    def close(self): pass
'''
MY_TEST = """
def test_my_lock(lockquake):
    lockquake.keeps("mylock.py:MyLock@redis-single")

def test_it_is_broken(lockquake):
    assert lockquake.shows("mylock.py:MyLock@redis-single", tries=1).kind == "double-grant"
"""


def test_a_failing_test_shows_the_picture_the_run_and_how_to_run_it_again(tmp_path: Path) -> None:
    (tmp_path / "mylock.py").write_text(MY_LOCK)
    (tmp_path / "test_mylock.py").write_text(MY_TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--lockquake-rundir", "my-runs"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "were both inside" in done.stdout
    assert "Critical path" in done.stdout
    (again,) = [line for line in done.stdout.splitlines() if line.startswith("run it again:")]
    directory = Path(tmp_path / again.split()[-1])
    assert directory.is_relative_to(tmp_path / "my-runs")
    assert (directory / "plan.json").is_file()
    assert "Traceback" not in done.stdout
