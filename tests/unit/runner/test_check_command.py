"""``lockquake check``: which histories a path means, and what is no path."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from faults.grammar import BadArgument
from lockquake.cli import main
from lockquake.cli.check import expand

HISTORY = next(iter(sorted((Path(__file__).parents[3] / "histories/corpus").rglob("*.jsonl"))))


def check(*arguments: str) -> object:
    with pytest.raises(SystemExit) as stopped:
        main(["check", *arguments])
    return stopped.value.code


def test_history_files_in_a_directory_and_run_directories_below_it_are_found(tmp_path: Path) -> None:
    for place in ("a.jsonl", "b.jsonl", "run-1/history.jsonl", "deep/run-2/parts/c1.jsonl", "deep/run-3/history.jsonl"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    found = [str(path.relative_to(tmp_path)) for path in expand((tmp_path,))]
    assert found == ["a.jsonl", "b.jsonl", "deep/run-2", "deep/run-3", "run-1"]
    assert expand((tmp_path / "run-1",)) == [tmp_path / "run-1"]


def test_a_directory_without_histories_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="holds no histories"):
        expand((tmp_path,))


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_path_that_does_not_exist_is_a_bad_argument(
    tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(HISTORY, tmp_path / "fine.jsonl")
    assert check(str(tmp_path / "fine.jsonl"), str(tmp_path / "nonexist"), *options) == 64
    said = capsys.readouterr()
    assert said.out == ""
    assert "nonexist does not exist" in said.err
    assert said.err.count("\n") == 1


def test_a_directory_of_history_files_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        shutil.copy(HISTORY, tmp_path / f"{name}.jsonl")
    code = check(str(tmp_path), "--json")
    data = json.loads(capsys.readouterr().out)
    assert [Path(entry["path"]).name for entry in data] == ["one.jsonl", "two.jsonl"]
    assert code in {0, 1, 2}
    assert all(entry["verdicts"] for entry in data)
