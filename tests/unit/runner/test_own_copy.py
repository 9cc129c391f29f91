"""The copy of a user's own lock in the run directory: what is in it, and which file a saved plan is run with."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_packages import MODULE, lockquake

from faults.grammar import BadArgument
from lockquake.own_copy import changed, keep_copy
from lockquake.plan import build, read_plan, write_plan

OWN = "import json\nimport beside\nfrom kit.deep import part\nimport mylock\n" + MODULE


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A lock's file, what it imports, and a file that it does not."""
    home = tmp_path / "project"
    for name, text in {
        "mylock.py": OWN, "beside.py": "import further\n", "further.py": "", "conftest.py": "",
        "kit/__init__.py": "", "kit/deep.py": "part = 1\n", "kit/other.py": "",
    }.items():  # fmt: skip
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return home


@pytest.fixture
def run(project: Path, tmp_path: Path) -> Path:
    """A run directory with the plan of that lock."""
    directory = tmp_path / "run"
    directory.mkdir()
    plan = build(f"{project}/mylock.py:Ours@redis-single")
    write_plan(plan, directory / "plan.json")
    keep_copy(plan.lock, directory)
    return directory


def copied(run: Path) -> set[str]:
    return {str(path.relative_to(run / "lock")) for path in (run / "lock").rglob("*.py")}


def test_the_file_is_copied_with_what_it_imports_from_beside_it(run: Path) -> None:
    assert copied(run) == {"mylock.py", "beside.py", "further.py", "kit/__init__.py", "kit/deep.py"}


def test_locks_without_a_file_of_their_own_leave_no_copy(tmp_path: Path) -> None:
    keep_copy("redis-setnx", tmp_path)
    keep_copy("package.module:Class", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_finds_its_file_from_any_directory(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(project)
    plan = build("mylock.py:Ours@redis-single")
    assert plan.lock == f"{project}/mylock.py:Ours"
    assert (plan.nucleus, plan.slug) == ("mylock.py:Ours@redis-single", "mylock@redis-single-none")
    write_plan(plan, tmp_path / "plan.json")
    monkeypatch.chdir(tmp_path)
    assert read_plan(tmp_path / "plan.json") == plan


def test_the_file_where_it_was_is_run_also_when_it_has_changed(run: Path, project: Path) -> None:
    plan = read_plan(run)
    assert plan.lock == f"{project}/mylock.py:Ours"
    assert changed(plan.lock, run) is None
    (project / "mylock.py").write_text(OWN + "# mended\n")
    assert read_plan(run) == plan
    assert "is not what it was in that run; --trust runs the copy" in (changed(plan.lock, run) or "")


def test_where_the_file_is_not_its_copy_is_run_only_on_trust(run: Path, project: Path) -> None:
    project.rename(project.with_name("elsewhere"))
    with pytest.raises(BadArgument, match=r"is not here; .*/run/lock/mylock\.py is a copy of it: .*--trust"):
        read_plan(run)
    plan = read_plan(run, trust=True)
    assert plan.lock == f"{run}/lock/mylock.py:Ours"
    assert plan.spec().lease_ns == 3_000_000_000


def test_trust_needs_a_copy(run: Path) -> None:
    (run / "lock" / "mylock.py").unlink()
    with pytest.raises(BadArgument, match=r"there is no .*mylock\.py"):
        read_plan(run, trust=True)


def test_trust_means_nothing_to_a_lock_of_ours(tmp_path: Path) -> None:
    plan = build("redis-setnx@redis-single")
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path, trust=True) == plan


def test_trust_goes_with_a_plan(tmp_path: Path) -> None:
    done = lockquake(tmp_path, "run", "redis-setnx@redis-single", "--trust")
    assert done.returncode == 64
    assert "give --plan with it" in done.stderr
