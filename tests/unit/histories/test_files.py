"""Part files, reading, merging: nothing is lost, nothing damaged is guessed at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories.columns import Call as PairedCall
from histories.merge import merge
from histories.pairing import rows_of
from histories.read import MERGED, PARTS, History, HistoryError, read
from histories.rows import FORMAT_VERSION, AnyRow, Call, Header, Return, Server, Trial
from histories.spec import Spec
from histories.write import PartWriter, encode

HEADER = Header(t=0, version=FORMAT_VERSION, spec=Spec(lease_ns=2_000_000_000))


def run_directory(tmp_path: Path, **parts: list[AnyRow]) -> Path:
    (tmp_path / PARTS).mkdir()
    for name, rows in parts.items():
        with PartWriter(tmp_path / PARTS / f"{name}.jsonl") as writer:
            for row in rows:
                writer.write(row)
    return tmp_path


def calls_of(history: History) -> list[PairedCall]:
    return [history.calls.call(row) for row in range(len(history.calls))]


def call(t: int, client: str = "c1", number: int = 1) -> Call:
    return Call(t=t, client=client, call=number, op="acquire", lock="k", attempt=f"{client}.{number}")


def returned(t: int, client: str = "c1", number: int = 1) -> Return:
    return Return(t=t, client=client, call=number, op="acquire", lock="k", attempt=f"{client}.{number}", outcome="ok")


def test_parts_and_merged_file_give_the_same_history(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, runner=[HEADER, Trial(t=90, state="ended")], c1=[call(10), returned(20)])
    from_parts = read(directory)
    merge(directory)
    merged = read(directory)
    assert merged.rows == from_parts.rows
    assert calls_of(merged) == calls_of(from_parts)
    assert [row.t for row in merged.rows] == [90]
    assert [(c.inv, c.ret) for c in calls_of(merged)] == [(10, 20)]
    assert "parts" in from_parts.remarks[0]
    assert merged.remarks == []


def test_touching_operations_are_concurrent_so_calls_come_before_returns(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, a=[HEADER, call(1), returned(5)], b=[call(5, "c2"), returned(6, "c2")])
    assert [type(row).__name__ for row in rows_of(read(directory).calls)] == ["Call", "Call", "Return", "Return"]


def test_a_torn_last_line_is_left_out_aloud(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, c1=[HEADER, call(10)])
    with (directory / PARTS / "c1.jsonl").open("ab") as file:
        file.write(encode(returned(20))[:-9])
    history = read(directory)
    assert [(c.inv, c.outcome) for c in calls_of(history)] == [(10, "open")]
    assert any("torn" in remark for remark in history.remarks)


def test_a_whole_last_line_without_its_newline_counts(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, c1=[HEADER, call(10)])
    with (directory / PARTS / "c1.jsonl").open("ab") as file:
        file.write(encode(returned(20))[:-1])
    assert [(c.inv, c.ret) for c in calls_of(read(directory))] == [(10, 20)]


@pytest.mark.parametrize("damage", [b"{\n", b"\xff\xfe\n", b'{"row":"call","t":"x"}\n', b"[1,2]\n"])
def test_damage_in_the_middle_is_an_error_with_file_and_line(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "h.jsonl"
    file.write_bytes(encode(HEADER) + damage + encode(call(10)))
    with pytest.raises(HistoryError, match=r"h\.jsonl: line 2"):
        read(file)


def test_unknown_kinds_are_left_out_aloud_and_survive_merging(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, c1=[HEADER, call(10)])
    extra = {"row": "comet", "t": 15, "tail": [1, 2]}
    with (directory / PARTS / "c1.jsonl").open("ab") as file:
        file.write(json.dumps(extra).encode() + b"\n")
    assert any("comet" in remark for remark in read(directory).remarks)
    merge(directory)
    assert json.loads((directory / MERGED).read_bytes().splitlines()[-1]) == extra


def test_unknown_fields_survive_merging(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, c1=[HEADER])
    row = json.loads(encode(call(10))) | {"weather": "fine"}
    with (directory / PARTS / "c1.jsonl").open("ab") as file:
        file.write(json.dumps(row).encode() + b"\n")
    merge(directory)
    assert json.loads((directory / MERGED).read_bytes().splitlines()[-1])["weather"] == "fine"
    assert len(read(directory).calls) == 1


def test_without_header_or_with_a_newer_version_there_is_no_verdict(tmp_path: Path) -> None:
    file = tmp_path / "h.jsonl"
    file.write_bytes(encode(call(10)))
    with pytest.raises(HistoryError, match="no header"):
        read(file)
    file.write_bytes(encode(msgspec.structs.replace(HEADER, version=FORMAT_VERSION + 1)))
    with pytest.raises(HistoryError, match="version"):
        read(file)


def test_nothing_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="does not exist"):
        read(tmp_path / "none")
    with pytest.raises(HistoryError, match="holds neither"):
        read(tmp_path)


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from histories.rows import Trial
from histories.write import PartWriter
writer = PartWriter(Path(sys.argv[1]))
for number in range(10**9):
    writer.write(Trial(t=number, state="started"))
    print(number, flush=True)
"""


def test_a_sigkill_loses_no_row_that_was_written(tmp_path: Path) -> None:
    part = tmp_path / "p.jsonl"
    child = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, str(part)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    last = -1
    for _ in range(200):
        last = int(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    rows = [json.loads(line) for line in part.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    assert [row["t"] for row in rows] == list(range(len(rows)))
    assert len(rows) > last


text = st.text(max_size=20)


@settings(deadline=None, derandomize=True)
@given(
    st.builds(
        Server,
        t=st.integers(0, 2**62),
        node=text,
        event=st.sampled_from(["began", "ended", "blind", "seeing"]),
        key=text,
        owner=st.none() | text,
        fence=st.none() | st.integers(0, 2**62),
    )
)
def test_rows_survive_the_round_trip(row: Server) -> None:
    assert msgspec.json.decode(encode(row), type=AnyRow) == row
    assert encode(row).count(b"\n") == 1
