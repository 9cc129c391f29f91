"""A user's own package with one of our generic names is said in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lockquake.siblings import Stranger, require_ours

ROOT = Path(__file__).resolve().parents[3]


def test_ours_are_ours() -> None:
    require_ours()


def test_packages_from_elsewhere_are_strangers(tmp_path: Path) -> None:
    with pytest.raises(Stranger, match="needs its own package 'histories'"):
        require_ours(tmp_path)


def test_the_command_line_names_a_shadowing_package(tmp_path: Path) -> None:
    (tmp_path / "checker").mkdir()
    (tmp_path / "checker/__init__.py").write_text("raise RuntimeError('the wrong checker was imported')")
    code = f"import sys; sys.path[1:1] = [{str(ROOT)!r}]; from lockquake.cli import main; main(['list'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert "needs its own package 'checker'" in done.stderr
    assert "Traceback" not in done.stderr
