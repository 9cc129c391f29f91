"""One measurement of the checker: files are made, answers are checked, figures are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.checker_cell import check, judged, make
from benchmarks.checker_grid import Setting

SETTING = Setting(1_000, 5, "random", crashes=0.01, locks=3, owners=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    top = tmp_path_factory.mktemp("made")
    sizes = make(SETTING, top / "binary.columns", top / "lines.jsonl")
    assert sizes["binary"] < sizes["lines"]
    return top / "binary.columns", top / "lines.jsonl"


def test_check_only_gives_each_step_and_the_whole(files: tuple[Path, Path]) -> None:
    sample = check(files[0], valid=True)
    steps = [sample[name] for name in ("arrange", "insides", "linear")]
    assert min(steps) > 0
    assert sample["total"] > 0
    assert 0 < sample["baseline"] <= sample["peak"]


def test_both_kinds_of_file_are_judged(files: tuple[Path, Path]) -> None:
    for file in files:
        sample = judged(file, valid=True)
        assert 0 < sample["load"] < sample["total"]


def test_a_wrong_answer_is_a_failure(files: tuple[Path, Path]) -> None:
    with pytest.raises(AssertionError, match="of a history that is invalid"):
        check(files[0], valid=False)
    with pytest.raises(AssertionError, match="mutual-exclusion: valid"):
        judged(files[1], valid=False)


def test_an_invalid_history_is_found_to_be_so(tmp_path: Path) -> None:
    path = tmp_path / "invalid.columns"
    make(Setting(1_000, 5, "fifo", invalid="late"), path, None)
    assert check(path, valid=False)["total"] > 0
    assert judged(path, valid=False)["total"] > 0
