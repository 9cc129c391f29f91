"""The columnar copy beside the JSON lines is read while it is of them, and never else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from histories import beside, columnar
from histories.columnar import ColumnarFile
from histories.errors import HistoryError
from histories.merge import merge
from histories.read import MERGED, PARTS, History, read
from histories.rows import AnyRow, Call, Return, Told
from histories.spec import Spec
from histories.write import PartWriter
from tests.unit.histories.alike import calls_of, same
from tests.unit.histories.drawn import HEADER

ROWS: list[AnyRow] = [
    HEADER,
    Call(t=10, client="c1", call=1, op="acquire", lock="k", attempt="c1-1"),
    Told(t=15, client="c1", lock="k", attempt="c1-1", how="message"),
    Return(t=20, client="c1", call=1, op="acquire", lock="k", attempt="c1-1", outcome="ok", owner="u"),
]
COPY = "history.columns"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A merged run directory whose merged file has settled: it was written an hour ago."""
    (tmp_path / PARTS).mkdir()
    with PartWriter(tmp_path / PARTS / "a.jsonl") as writer:
        for row in ROWS:
            writer.write(row)
    merge(tmp_path)
    settle(tmp_path / MERGED)
    beside.make(tmp_path / MERGED)
    return tmp_path


def settle(file: Path, ago: float = 3600) -> None:
    then = time.time() - ago
    os.utime(file, (then, then))


def read_from(run: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[History, str]:
    """The history of a run and what it was read from."""
    opened: list[str] = []
    columns = ColumnarFile.history

    def spy(self: ColumnarFile) -> History:
        history = columns(self)
        opened.append("columns")
        return history

    monkeypatch.setattr(ColumnarFile, "history", spy)
    return read(run), opened[0] if opened else "lines"


def test_the_copy_gives_the_same_history(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied, where = read_from(run, monkeypatch)
    assert where == "columns"
    (run / COPY).unlink()
    plain, where = read(run), "lines"
    assert same(copied, plain)
    assert copied.source == plain.source == run


def test_a_file_named_itself_has_its_copy_too(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history, where = read_from(run / MERGED, monkeypatch)
    assert (where, history.source) == ("columns", run / MERGED)


def test_a_freshly_merged_run_is_read_from_its_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / PARTS).mkdir()
    with PartWriter(tmp_path / PARTS / "a.jsonl") as writer:
        for row in ROWS:
            writer.write(row)
    merge(tmp_path)
    assert read_from(tmp_path, monkeypatch)[1] == "columns"


def edited(lines: Path, old: bytes, new: bytes) -> None:
    """Change the file without changing its length."""
    assert len(old) == len(new)
    before = lines.read_bytes()
    assert old in before
    lines.write_bytes(before.replace(old, new))


def test_an_edit_of_the_same_length_is_noticed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited(run / MERGED, b'"t":20', b'"t":30')
    history, where = read_from(run, monkeypatch)
    assert (where, [call.ret for call in calls_of(history)], history.remarks) == ("lines", [30], [])


def test_an_edit_right_after_the_merge_is_noticed_though_the_time_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File systems count time in ticks, so a time alone says nothing about the moments after it."""
    (tmp_path / PARTS).mkdir()
    with PartWriter(tmp_path / PARTS / "a.jsonl") as writer:
        for row in ROWS:
            writer.write(row)
    merge(tmp_path)
    lines = tmp_path / MERGED
    then = lines.stat()
    edited(lines, b'"t":20', b'"t":30')
    os.utime(lines, ns=(then.st_atime_ns, then.st_mtime_ns))
    history, where = read_from(tmp_path, monkeypatch)
    assert (where, [call.ret for call in calls_of(history)]) == ("lines", [30])


def test_a_longer_file_is_noticed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    then = (run / MERGED).stat()
    with (run / MERGED).open("ab") as file:
        file.write(b'{"row":"trial","t":99,"state":"ended"}\n')
    os.utime(run / MERGED, ns=(then.st_atime_ns, then.st_mtime_ns))
    history, where = read_from(run, monkeypatch)
    assert (where, len(history.rows)) == ("lines", 2)


def test_a_copied_run_keeps_its_copy_though_times_moved(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(run / MERGED, 7200)
    assert read_from(run, monkeypatch)[1] == "columns"


def test_times_that_agree_spare_the_digest(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(path: Path) -> str:
        raise AssertionError(f"{path} was read though length and time agree")

    monkeypatch.setattr(beside, "_digest", never)
    assert read_from(run, monkeypatch)[1] == "columns"


@pytest.mark.parametrize(
    "harm",
    [
        lambda copy: copy.write_bytes(copy.read_bytes()[:-64]),
        lambda copy: copy.write_bytes(copy.read_bytes().replace(b"c1-", b"c2-")),
        lambda copy: copy.write_bytes(b""),
        lambda copy: copy.write_bytes(b"LQCOLS\x00\x63" + copy.read_bytes()[8:]),
    ],
)
def test_a_damaged_copy_is_passed_over_aloud(
    run: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    harm(run / COPY)
    history, where = read_from(run, monkeypatch)
    assert (where, len(history.calls)) == ("lines", 1)
    [remark] = history.remarks
    assert remark.startswith("read from the JSON lines, because ")
    assert COPY in remark


def test_a_spec_given_counts_for_the_copy_too(run: Path) -> None:
    assert read(run, Spec(lease_ns=7)).header.spec == Spec(lease_ns=7)


def test_what_the_reader_of_the_lines_had_to_say_is_said_of_the_copy_too(run: Path) -> None:
    with (run / PARTS / "a.jsonl").open("ab") as file:
        file.write(b'{"row":"comet","t":15}\n')
    merge(run)
    [remark] = read(run).remarks
    assert "comet" in remark


def test_a_merge_makes_the_copy_anew_and_a_damaged_history_has_none(run: Path) -> None:
    with (run / PARTS / "a.jsonl").open("ab") as file:
        file.write(b'{"row":"call","t":5}\n')
    merge(run)
    assert not (run / COPY).exists()
    with pytest.raises(HistoryError, match="line"):
        read(run)


def test_a_full_disk_costs_the_copy_but_not_the_history(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(columnar, "_write", full)
    merge(run)
    assert not (run / COPY).exists()
    assert len(read(run).calls) == 1


def test_a_file_that_changes_while_it_is_copied_gets_no_copy(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run / COPY).unlink()
    digest = beside._digest

    def meanwhile(path: Path) -> str:
        with path.open("ab") as file:
            file.write(b'{"row":"trial","t":99,"state":"ended"}\n')
        return digest(path)

    monkeypatch.setattr(beside, "_digest", meanwhile)
    assert beside.make(run / MERGED) is None
    assert not (run / COPY).exists()
