"""``lockquake export``: what it writes gives the same verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker import check
from histories.read import read
from lockquake.cli import main

CORPUS = Path(__file__).parents[3] / "histories/corpus"


def export(*arguments: str | Path) -> object:
    with pytest.raises(SystemExit) as stopped:
        main(["export", *map(str, arguments)])
    return stopped.value.code


@pytest.mark.parametrize("name", ["failover.jsonl", "session-overstay.jsonl", "stale-read.jsonl", "elsewhere/lock.edn"])
def test_an_exported_history_gives_the_same_verdicts(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "history.edn"
    assert export(CORPUS / name, "--edn", target) == 0
    assert f"{target}: " in capsys.readouterr().out
    assert target.read_text().startswith("{:index 0")
    before, after = check(read(CORPUS / name)), check(read(target))
    assert before == after
    assert any(verdict.validity == "invalid" for verdict in after)


def test_operations_are_left_out(tmp_path: Path) -> None:
    target = tmp_path / "history.edn"
    assert export(CORPUS / "session-overstay.jsonl", "--edn", target, "--only", "acquire,try,release") == 0
    assert ":f :acquire" in target.read_text()
    assert ":f :write" not in target.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{source}", "--edn", "{target}", "--only", "acquire,grab"], "--only has no 'grab'"),
        (["{source}", "--edn", "{source}"], "is the history itself"),
        (["{source}"], "Missing option '--edn'"),
        (["{source}/nothing", "--edn", "{target}"], "does not exist"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "h.jsonl", tmp_path / "h.edn"
    text = (CORPUS / "failover.jsonl").read_bytes()
    source.write_bytes(text)
    assert export(*(one.format(source=source, target=target) for one in arguments)) == 64
    assert message in capsys.readouterr().err
    assert (source.read_bytes(), target.exists()) == (text, False)
