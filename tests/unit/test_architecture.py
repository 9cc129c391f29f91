"""The layout's rules hold: imports go one way, and no name is a drawer for everything."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"histories", "checker", "nuclei", "faults", "lockquake", "tests"}
ALLOWED = {
    "histories": set(),
    "checker": {"histories"},
    "nuclei": {"histories"},
    "faults": {"nuclei", "histories"},
    "lockquake": {"histories", "checker", "nuclei", "faults"},
}
DRAWERS = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names & OURS


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_imports_go_one_way(package: str) -> None:
    assert modules(package), package
    for path in modules(package):
        assert imported(path) <= ALLOWED[package] | {package}, path


def test_no_module_is_a_drawer_for_everything() -> None:
    for package in ALLOWED:
        for path in modules(package):
            assert path.stem not in DRAWERS, path


def test_the_proxy_server_is_self_contained() -> None:
    """It is copied into a bare container: standard library and relative imports only."""
    for path in (ROOT / "nuclei/network/toxiproxy").rglob("*.py"):
        assert not imported(path), path
