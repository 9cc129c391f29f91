"""Merging puts every line of every part into one file, in order of time, as it was."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories.errors import HistoryError
from histories.merge import merge
from histories.read import MERGED, PARTS

RANK = {"call": 0, "return": 2}
rows = st.fixed_dictionaries(
    {"row": st.sampled_from(["call", "return", "told", "comet"]), "t": st.integers(0, 3) | st.integers(-9, 1 << 62)},
    optional={"client": st.text(max_size=3), "weather": st.integers()},
)
parts = st.lists(st.lists(rows, max_size=5), min_size=1, max_size=4)


def line(row: dict[str, object]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


@settings(derandomize=True, deadline=None, max_examples=150)
@given(parts, st.integers(0, 3), st.booleans())
def test_all_lines_are_there_in_order_and_stable(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[list[dict[str, object]]], where: int, last_open: bool
) -> None:
    directory = tmp_path_factory.mktemp("run")
    (directory / PARTS).mkdir()
    header = {"row": "header", "t": 10, "version": 2, "spec": {}}
    drawn[where % len(drawn)].insert(0, header)
    for number, part in enumerate(drawn):
        text = b"\n".join([b"".join(map(line, part)), b""])
        (directory / PARTS / f"{number}.jsonl").write_bytes(text.rstrip(b"\n") if last_open else text)
    merged = merge(directory)
    everything = [row for part in drawn for row in part if row is not header]
    everything.sort(key=lambda row: (row["t"], RANK.get(str(row["row"]), 1)))
    assert merged.read_bytes() == b"".join(map(line, [header, *everything]))


@pytest.mark.parametrize("damage", [b"[]\n", b'{"row":"call"}\n', b'{"row":"call","t":%d}\n' % (1 << 63), b"\xff\n"])
def test_a_damaged_part_is_an_error_and_leaves_no_merged_file(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / PARTS).mkdir()
    (tmp_path / PARTS / "a.jsonl").write_bytes(b'{"row":"told","t":1}\n' + damage + b'{"row":"told","t":2}\n')
    with pytest.raises(HistoryError, match=r"a\.jsonl: line 2"):
        merge(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [PARTS]


def test_a_run_without_parts_merges_to_nothing(tmp_path: Path) -> None:
    assert merge(tmp_path).read_bytes() == b""
    assert not (tmp_path / MERGED).with_suffix(".columns").exists()


def test_more_parts_than_files_may_be_open(tmp_path: Path) -> None:
    (tmp_path / PARTS).mkdir()
    for number in range(600):
        (tmp_path / PARTS / f"{number:03}.jsonl").write_bytes(line({"row": "told", "t": 600 - number}))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    already = len(os.listdir("/proc/self/fd"))  # other tests of this process may keep files open
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(already + 400, hard), hard))
    try:
        merged = merge(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [json.loads(row)["t"] for row in merged.read_bytes().splitlines()] == list(range(1, 601))
