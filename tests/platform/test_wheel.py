"""The product as its users get it: a wheel in an environment of its own, far from the repository, without Docker."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL_SECONDS = 120.0
# What pip says when the index cannot be reached at all.
_OFFLINE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|Temporary failure in name resolution"
)


class Installed:
    """The environment with the wheel in it. ``home``: an empty directory in which commands run."""

    def __init__(self, environment: Path, home: Path) -> None:
        self.environment = environment
        self.home = home
        self.scratch = home / "tmp"
        self.scratch.mkdir()

    def run(self, program: str, *arguments: str, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment; the daemon's address leads nowhere."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LOCKQUAKE", "PYTEST"))
        }
        return subprocess.run(
            [str(self.environment / "bin" / program), *arguments],
            cwd=self.home,
            env={**kept, "DOCKER_HOST": "unix:///nowhere/docker.sock", "TMPDIR": str(self.scratch)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def left(self) -> list[str]:
        """Temporary files, and processes that run a program of the environment."""
        files = [str(path) for path in self.scratch.iterdir()]
        return files + [f"{pid}: {line}" for pid, line in _processes() if str(self.environment) in line]


def _processes() -> Iterator[tuple[str, str]]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            yield entry.name, f"{os.readlink(entry / 'exe')} {line}"
        except OSError:  # it has ended, or is not ours
            continue


def _pip(python: Path | str, *arguments: str) -> None:
    argv = [str(python), "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if done.returncode != 0 and _OFFLINE.search(done.stderr):
        pytest.skip("the package index cannot be reached, so the wheel's dependencies cannot be installed")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel of this checkout, its dependencies in the versions of the lock file, and pytest.

    Takes 20 s with pip's cache."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel; `make setup` brings it")
    place = tmp_path_factory.mktemp("wheel")
    _pip(sys.executable, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(place), ".")
    (wheel,) = place.glob("*.whl")
    locked = re.findall(r"^[\w.-]+==[^\\\n]+", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    (place / "constraints").write_text("\n".join(locked), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", str(place / "env")], check=True, capture_output=True, timeout=60)
    _pip(place / "env/bin/python", "install", "-c", str(place / "constraints"), str(wheel), "pytest")
    return place / "env"


@pytest.fixture
def installed(environment: Path, tmp_path: Path) -> Iterator[Installed]:
    """Checks afterwards that nothing was left running or lying about."""
    made = Installed(environment, tmp_path)
    yield made
    assert made.left() == []


@pytest.fixture
def with_redis(installed: Installed) -> Installed:
    """Skips where the installed wheel finds no Redis, with the reason it gives."""
    rows = json.loads(installed.run("lockquake", "servers", "--json").stdout)["servers"]
    (redis,) = [row for row in rows if row["name"] == "redis"]
    if not redis["present"]:
        pytest.skip(redis["why_not"])
    return installed


def test_the_command_and_its_lists_work_anywhere(installed: Installed) -> None:
    assert re.fullmatch(r"lockquake, version \d+\.\d+\.\d+\n", installed.run("lockquake", "--version").stdout)
    listed = installed.run("lockquake", "list")
    assert listed.returncode == 0, listed.stderr
    for word in ("redis-set-nx-ex-del", "redis-single", "zookeeper", "pause-client"):
        assert word in listed.stdout


def test_a_textbook_lock_breaks_without_docker(with_redis: Installed) -> None:
    nucleus = "redis-set-nx-ex-del@redis-single"
    done = with_redis.run("lockquake", "run", nucleus, "--fault", "pause-client", "--platform", "process", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    (trial,) = json.loads(done.stdout)["trials"]
    (verdict,) = [verdict for verdict in trial["verdicts"] if verdict["property"] == "mutual-exclusion"]
    assert (trial["platform"], verdict["validity"]) == ("process", "invalid")
    assert verdict["kind"] == "overstay" or verdict["cause"] == "foreign-release", verdict["sentence"]
    assert (with_redis.home / trial["directory"] / "plan.json").is_file()


def test_a_users_own_test_needs_nothing_but_the_plugin(with_redis: Installed) -> None:
    """The files are those that the manual shows."""
    manual = (ROOT / "docs/own-lock.md").read_text(encoding="utf-8")
    for name in ("mylock.py", "test_mylock.py"):
        (block,) = re.findall(rf"```python\n# {name}\n(.*?)```", manual, re.DOTALL)
        (with_redis.home / name).write_text(block, encoding="utf-8")
    done = with_redis.run("pytest", "-q", "-W", "error", "--lockquake-platform", "process", seconds=120)
    assert re.search(r"^2 passed in", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert done.returncode == 0
