"""Where run directories go: a place that cannot be written is refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.grammar import BadArgument
from lockquake.cli import main
from lockquake.rundir import batch_directory


def test_a_name_is_fresh_and_its_root_is_there_and_empty(tmp_path: Path) -> None:
    root = tmp_path / "some" / "runs"
    names = {batch_directory(root, "a lock/of mine") for _ in range(20)}
    assert len(names) == 20
    assert all(name.parent == root and "/" not in name.name for name in names)
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("place", ["afile", "afile/below", "/proc/x", "/proc"])
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "afile").write_text("")
    with pytest.raises(BadArgument, match=r"cannot write run directories under .*; name another place with --runs"):
        batch_directory(tmp_path / place, "slug")


def test_the_command_line_refuses_it_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    (tmp_path / "afile").write_text("")
    with pytest.raises(SystemExit) as stopped:
        main(["run", "redis-set-nx-px@redis-single", "--runs", str(tmp_path / "afile")])
    assert stopped.value.code == 64
    assert "cannot write run directories under" in capsys.readouterr().err
