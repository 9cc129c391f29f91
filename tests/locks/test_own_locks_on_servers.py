"""A user's own lock in trials: the one of an installed package, and a file's, run again from elsewhere.

Through the command line, as users do, on platform process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from histories.read import read

ROOT = Path(__file__).resolve().parents[2]
BRIEF = ["--platform", "process", "--clients", "2", "--set", "trial.work=0.5", "--json"]


@pytest.fixture(autouse=True)
def servers() -> None:
    """Skips, with the command that brings it, where there is no Redis server."""
    from nuclei.platforms.choice import PLATFORMS

    if reason := PLATFORMS["process"].why_not_image("redis"):
        pytest.skip(reason)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The manual's example, in a directory of its own."""
    manual = (ROOT / "docs" / "own-lock.md").read_text(encoding="utf-8")
    example = manual.partition("```python\n# mylock.py\n")[2].partition("```")[0]
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "mylock.py").write_text(example)
    return tmp_path / "project"


def lockquake(cwd: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """The command line in a directory, with another one on the path."""
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), path])}
    command = [sys.executable, "-P", "-m", "lockquake", "run", *arguments]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=120, check=False)


def trial(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one trial that was valid."""
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout)["trials"][0])


def test_the_lock_of_an_installed_package_is_run_by_its_name(project: Path, tmp_path: Path) -> None:
    info = project / "mylock-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mylock\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[lockquake.locks]\nmy-lock = mylock:MyLock\n")
    came = trial(lockquake(tmp_path, "my-lock@redis-single", *BRIEF, path=str(project)))
    assert came["nucleus"] == "my-lock@redis-single"
    assert read(tmp_path / came["directory"]).header.versions["mylock"] == "1.2"


def test_a_files_lock_is_run_again_from_elsewhere_and_its_copy_only_on_trust(project: Path, tmp_path: Path) -> None:
    came = trial(lockquake(project, "mylock.py:MyLock@redis-single", *BRIEF))
    assert came["nucleus"] == "mylock.py:MyLock@redis-single"
    saved = ["--plan", str(project / came["directory"]), "--json"]
    trial(lockquake(tmp_path, *saved))
    (project / "mylock.py").unlink()
    refused = lockquake(tmp_path, *saved)
    assert (refused.returncode, "give --trust to run that" in refused.stderr) == (64, True)
    trial(lockquake(tmp_path, *saved, "--trust"))
