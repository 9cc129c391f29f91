"""A copy of a user's own lock in the run directory, so that a bug report can be run again where its file is not.

A plan names the file where it was; ``lock/`` of the run directory holds what that file said, and the modules beside it
that it imports. ``run --plan`` runs the file where it was: who mends the lock wants to see what that changed. The copy
is code that somebody else may have written, so it runs only where it is trusted (``--trust``).
"""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

from faults.grammar import BadArgument

DIRECTORY = "lock"


def file_of(lock: str) -> Path | None:
    """The file of a user's own lock, None for a lock that is none (or is named by its module)."""
    place, _, _ = lock.rpartition(":")
    return Path(place) if place.endswith(".py") else None


def keep_copy(lock: str, run: Path) -> None:
    """Copy the file of a user's own lock, and the modules beside it that it imports, into a run directory."""
    file = file_of(lock)
    if file is None:
        return
    for module in modules_of(file):
        target = run / DIRECTORY / module.relative_to(file.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module, target)


def modules_of(file: Path) -> list[Path]:
    """A Python file and the modules beside it that it imports, and they in turn; found by reading, not by running."""
    found: list[Path] = []
    waiting = [file]
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found.append(module)
        for name in _imported(module):
            waiting += _beside(file.parent, name)
    return found


def _imported(module: Path) -> list[str]:
    try:
        tree = ast.parse(module.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def _beside(home: Path, name: str) -> list[Path]:
    """The files that importing a dotted name reads, of those in a directory."""
    parts = name.split(".")
    packages = [home.joinpath(*parts[: depth + 1], "__init__.py") for depth in range(len(parts))]
    return [path for path in (home.joinpath(*parts).with_suffix(".py"), *packages) if path.is_file()]


def to_run(lock: str, run: Path, *, trust: bool) -> str:
    """Which file the plan of a run directory is run with: where it was, or with ``trust`` the copy. Raises BadArgument
    where there is none, or only the copy."""
    file = file_of(lock)
    if file is None:
        return lock
    copy = run / DIRECTORY / file.name
    if trust:
        if not copy.is_file():
            raise BadArgument(f"--trust runs the lock that {run} holds a copy of, but there is no {copy}")
        return f"{copy.resolve()}:{lock.rpartition(':')[2]}"
    if not file.is_file() and copy.is_file():
        raise BadArgument(
            f"the lock of this plan was in {file}, which is not here; {copy} is a copy of it: read what it does, then "
            "give --trust to run that"
        )
    return lock


def changed(lock: str, run: Path) -> str | None:
    """That a lock's file is not what it was when a run directory was made, in one sentence; None where it is."""
    file = file_of(lock)
    copy = run / DIRECTORY / file.name if file is not None else None
    if (
        file is None
        or copy is None
        or not copy.is_file()
        or not file.is_file()
        or file.read_bytes() == copy.read_bytes()
    ):
        return None
    return f"{file} is not what it was in that run; --trust runs the copy {copy}"
