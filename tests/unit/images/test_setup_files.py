"""The files of the set-up: the lock files name no index and have every requirement; scripts are valid shell."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOCK_FILES = ("requirements.lock", "requirements-source.lock")


def names(lines: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines)
    return {match[0].lower().replace("_", "-") for match in found if match}


def locked() -> set[str]:
    lines = [line for file in LOCK_FILES for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    return names([line for line in lines if "==" in line])


def test_every_requirement_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"], "editables"]
    wanted += [entry for entry in project["dependency-groups"]["dev"] if isinstance(entry, str)]
    wanted += project["project"]["optional-dependencies"]["libraries"]
    assert names(wanted) - locked() == set(), "run `make lock`"


@pytest.mark.parametrize("file", LOCK_FILES)
def test_the_lock_has_hashes_and_no_index(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(--index|--extra-index|--find-links|-i |-f )", text, re.MULTILINE)
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("script", ["scripts/setup.sh", "scripts/lock.sh", ".ci/run"])
def test_scripts_are_valid_shell(script: str) -> None:
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)


@pytest.mark.parametrize("target", ["trial", "test", "unit", "bench", "soak", "lint", "images", "clean"])
def test_make_knows_its_targets(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True, text=True)
    assert ".venv" in done.stdout
    if target not in ("clean", "setup"):
        assert "scripts/setup.sh" in done.stdout, "each target alone does all the set-up"
