"""The binary form: the same history comes back, or an error; never a crash, and never another history."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from histories.columnar import ColumnarFile, save
from histories.errors import HistoryError
from histories.history import History, arrange
from histories.read import read
from histories.rows import AnyRow, Call, Return, Told
from tests.unit.histories.alike import same
from tests.unit.histories.drawn import HEADER, histories

ROWS: list[AnyRow] = [
    HEADER,
    Call(t=10, client="c1", call=1, op="acquire", lock="k", attempt="c1-1"),
    Return(t=20, client="c1", call=1, op="acquire", lock="k", attempt="c1-1", outcome="ok", owner="ü", fence=7),
    Call(t=11, client="c2", call=1, op="write", lock="k", attempt="c2-007", value=[1, 2]),
    Return(t=40, client="c2", call=1, op="write", lock="k", attempt="c2-007", outcome="fail", refusal="busy"),
    Call(t=50, client="c2", call=2, op="read", lock="k", attempt="x"),
    Told(t=30, client="c1", lock="k", attempt="c1-1", how="message"),
]
NOWHEN = Told(t=-1, client="", lock="", attempt="")


def small() -> History:
    history = arrange(ROWS, None, [])
    history.remarks.append("a remark")
    return history


def loaded(path: Path) -> History:
    history = ColumnarFile(path).history()
    history.source = None
    return history


@settings(derandomize=True, deadline=None, max_examples=100)
@given(histories)
def test_a_history_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, rows: list[AnyRow]) -> None:
    path = tmp_path_factory.getbasetemp() / "drawn.columns"
    history = arrange(rows, None, [])
    save(history, path)
    assert same(loaded(path), history)


def test_a_history_without_calls_comes_back(tmp_path: Path) -> None:
    history = arrange([HEADER], None, [])
    save(history, tmp_path / "h.columns")
    assert same(loaded(tmp_path / "h.columns"), history)


def test_columns_are_mapped_aligned_and_cannot_be_written_to(tmp_path: Path) -> None:
    save(small(), tmp_path / "h.columns")
    calls = loaded(tmp_path / "h.columns").calls
    for column in (calls.client, calls.inv, calls.ret, calls.attempt.keys, calls.attempt.prefixes.data):
        assert not column.flags.writeable
        assert column.ctypes.data % 64 == 0


def test_any_damaged_byte_is_found_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "h.columns"
    save(small(), path)
    whole = path.read_bytes()
    messages = []
    with path.open("r+b", buffering=0) as file:
        for place in range(len(whole)):
            os.pwrite(file.fileno(), bytes([whole[place] ^ 1 << place % 8]), place)
            try:
                history = loaded(path)
            except HistoryError as error:
                messages.append(str(error))
            else:
                assert same(history, small()), place
            os.pwrite(file.fileno(), whole[place : place + 1], place)
    assert all("h.columns" in message for message in messages)
    assert len(messages) > len(whole) / 2  # what is harmless is the padding between columns only


def test_a_file_cut_short_anywhere_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "h.columns"
    save(small(), path)
    whole = path.read_bytes()
    for length in range(len(whole) - 1, -1, -1):
        os.truncate(path, length)
        with pytest.raises(HistoryError, match=r"h\.columns"):
            loaded(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(HistoryError, match="instead of"):
        loaded(path)


def test_a_file_of_another_version_or_another_kind_says_so(tmp_path: Path) -> None:
    path = tmp_path / "h.columns"
    save(small(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:7] + b"\x02" + whole[8:])
    with pytest.raises(HistoryError, match="version 2, known is 1"):
        loaded(path)
    path.write_bytes(b"{" * 1000)
    with pytest.raises(HistoryError, match="no columnar history"):
        loaded(path)


# Files made to harm: every checksum is right.

Forgery = Callable[[dict[str, Any], dict[str, bytearray]], None]


def forged(path: Path, forge: Forgery) -> Path:
    """A sound file, changed by ``forge`` (directory, contents of its blocks) and sealed again."""
    save(small(), path)
    whole = path.read_bytes()
    magic, _, size, _ = struct.unpack_from("<8sQQI", whole)
    directory = msgspec.json.decode(whole[64 : 64 + size])
    start = 64 + size + -size % 64
    blocks = {
        block["name"]: bytearray(whole[start + block.get("offset", 0) :][: block.get("bytes", 0)])
        for block in directory["blocks"]
        if block.get("constant") is None
    }
    before = {name: bytes(content) for name, content in blocks.items()}
    forge(directory, blocks)
    body = b""
    for block in directory["blocks"]:
        if block["name"] in blocks and blocks[block["name"]] != before.get(block["name"]):
            content = bytes(blocks[block["name"]])
            block.update(bytes=len(content), crc32=zlib.crc32(content))
        content = bytes(blocks.get(block["name"], b""))
        if block.pop("keep", None) is None and block.get("constant") is None:
            block["offset"] = len(body)
        body += content + bytes(-len(content) % 64)
    text = msgspec.json.encode(directory)
    start = 64 + len(text) + -len(text) % 64
    prelude = struct.pack("<8sQQI", magic, start + len(body), len(text), zlib.crc32(text))
    prelude = (prelude + struct.pack("<I", zlib.crc32(prelude))).ljust(64, b"\0")
    path.write_bytes((prelude + text).ljust(start, b"\0") + body)
    return path


def put(name: str, kind: str, values: list[int]) -> Forgery:
    """Other numbers in a column."""

    def forge(directory: dict[str, Any], blocks: dict[str, bytearray]) -> None:
        blocks[name] = bytearray(np.array(values, kind).tobytes())
        entry = next(block for block in directory["blocks"] if block["name"] == name)
        entry.pop("constant", None)
        entry["rows"] = len(values)

    return forge


def say(name: str, **changes: Any) -> Forgery:
    """Another entry in the directory; ``keep``: the offset too stays as it is said."""

    def forge(directory: dict[str, Any], blocks: dict[str, bytearray]) -> None:
        next(block for block in directory["blocks"] if block["name"] == name).update(changes)

    return forge


def both(one: Forgery, other: Forgery) -> Forgery:
    def forge(directory: dict[str, Any], blocks: dict[str, bytearray]) -> None:
        one(directory, blocks)
        other(directory, blocks)

    return forge


def rows(count: int) -> Forgery:
    """So many calls, all of them alike but for their times."""

    def forge(directory: dict[str, Any], blocks: dict[str, bytearray]) -> None:
        for block in directory["blocks"]:
            if block["name"] == "inv":
                block["rows"] = count
            elif block["name"].endswith(".keys") or not {".", "rows"} & {*block["name"], block["name"]}:
                block.update(rows=count, constant=0)

    return forge


def head(**changes: Any) -> Forgery:
    return lambda directory, blocks: directory.update(changes)


FORGERIES: dict[str, tuple[Forgery, str]] = {
    "a client without a name": (put("client", "<i4", [0, 1, 2]), "client is out of range"),
    "a negative client": (put("client", "<i4", [0, 1, -1]), "client is out of range"),
    "an unknown operation": (put("op", "|u1", [0, 0, 200]), "op is out of range"),
    "an unknown lock": (put("lock", "<i4", [0, 0, 1]), "lock is out of range"),
    "an unknown outcome": (put("outcome", "|u1", [0, 0, 4]), "outcome is out of range"),
    "an unknown mode": (put("mode", "|u1", [0, 0, 2]), "mode is out of range"),
    "an unknown refusal": (put("refusal", "|i1", [0, 0, -2]), "refusal is out of range"),
    "times out of order": (put("inv", "<i8", [11, 10, 50]), "not in order"),
    "a negative time": (put("inv", "<i8", [-1, 10, 50]), "inv is out of range"),
    "a return before its call": (put("ret", "<i8", [9, 40, 1 << 62]), "before it was made"),
    "a return after everything": (put("ret", "<i8", [20, 40, (1 << 62) + 1]), "ret is out of range"),
    "an open call that returned": (put("ret", "<i8", [20, 40, 60]), "open and has returned"),
    "a key without a beginning": (put("attempt.keys", "<i8", [0, 1, 99 << 32]), "attempt is out of range"),
    "a key below none": (put("owner.keys", "<i8", [-2, -1, -1]), "owner is out of range"),
    "a number too long": (put("owner.keys", "<i8", [10**9 + 1, -1, -1]), "owner is out of range"),
    "no attempt": (put("attempt.keys", "<i8", [0, 1, -1]), "belongs to no attempt"),
    "texts that run backwards": (put("attempt.prefixes.offsets", "<i8", [0, 9, 3, 9]), "run backwards"),
    "texts beyond the end": (put("attempt.prefixes.offsets", "<i8", [0, 3, 8, 99]), "have no bounds"),
    "texts that begin late": (put("clients.offsets", "<i8", [1, 2, 4]), "have no bounds"),
    "texts without bounds": (put("clients.offsets", "<i8", []), "have no bounds"),
    "bytes that are no text": (put("owner.prefixes.data", "|u1", [0xFF, 0xFE]), "no UTF-8"),
    "half a character": (put("owner.prefixes.offsets", "<i8", [0, 1, 2]), "no UTF-8"),
    "the same client twice": (put("clients.data", "|u1", list(b"c1c1")), "two of clients"),
    "the same beginning twice": (
        both(put("attempt.prefixes.data", "|u1", list(b"aab")), put("attempt.prefixes.offsets", "<i8", [0, 1, 2, 3])),
        "two beginnings of attempt are the same",
    ),
    "a value that is no JSON": (put("value.prefixes.data", "|u1", list(b"[1,2[")), "no JSON"),
    "a name in two pieces": (put("clients.data", "|u1", list(b"\xc3\xbcc2")), ""),
    "rows that are calls": (
        put("rows", "|u1", list(msgspec.json.encode([ROWS[1]]))),
        "does not belong there",
    ),
    "rows of no time": (put("rows", "|u1", list(msgspec.json.encode([NOWHEN]))), "does not belong there"),
    "rows that are none": (put("rows", "|u1", list(b"[[[[")), "cannot be read"),
    "rows too deep": (put("rows", "|u1", [ord("[")] * 100_000), "cannot be read"),
    "fewer rows": (put("client", "<i4", [0, 1]), "2 rows instead of 3"),
    "more rows in one column": (say("inv", rows=10**18), "inv is not where"),
    "more rows than there can be": (rows(10**18), "inv is not where"),
    "more rows, and bytes for them": (both(rows(10**18), say("inv", bytes=8 * 10**18)), "inv reaches beyond its end"),
    "rows without end": (both(rows(1 << 80), say("inv", bytes=1 << 83)), "is damaged"),
    "a negative length": (say("inv", rows=-1, bytes=-8), "inv|instead of"),
    "times that are all one": (say("inv", rows=10**18, constant=5), "inv has no rows|instead of|inv"),
    "texts that are all one": (say("clients.data", rows=10**18, constant=5), "clients.data has no rows"),
    "a constant too great": (say("depth", constant=1 << 40), "depth is out of range"),
    "a constant without end": (say("depth", constant=1 << 400), "depth is out of range|cannot be read"),
    "another type": (say("inv", dtype="<f8"), "not those of a history"),
    "an object": (say("inv", dtype="|O"), "not those of a history"),
    "a column missing": (lambda directory, blocks: directory["blocks"].pop(3), "not those of a history"),
    "a column twice": (
        lambda directory, blocks: directory["blocks"].append(directory["blocks"][3]),
        "not those of a history",
    ),
    "a place beyond the end": (say("ret", offset=1 << 40, keep=1), "beyond its end"),
    "a negative place": (say("ret", offset=-64, keep=1), "not where it should be"),
    "a place between": (say("ret", offset=8, keep=1), "not where it should be"),
    "a header that is none": (head(header={"row": "header"}), "cannot be read"),
    "a newer header": (head(header={"row": "header", "t": 0, "version": 99, "spec": {}}), "version 99"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_a_file_made_to_harm_is_refused(tmp_path: Path, name: str) -> None:
    forge, message = FORGERIES[name]
    path = forged(tmp_path / "h.columns", forge)
    if not message:
        assert len(loaded(path).calls) == 3
        return
    with pytest.raises(HistoryError, match=message):
        loaded(path)


def test_a_forgery_that_changes_nothing_is_the_same_history(tmp_path: Path) -> None:
    assert same(loaded(forged(tmp_path / "h.columns", lambda directory, blocks: None)), small())


@pytest.mark.parametrize(
    ("names", "cut"),
    [(["c", 12], False), (["c1", 2], True), (["c0", 7], False), (["c10", 5], True), (["c1", 123456789], False),
     (["c1", 12345678], True), (["c0", None], True), (["c", None], False), (["12", None], True), (["", 0], False)],
)  # fmt: skip
def test_a_name_has_one_key_only(tmp_path: Path, names: list[Any], cut: bool) -> None:
    """A number cut from a name elsewhere than our builders cut it would make equal names differ."""
    prefix, number = names

    def forge(directory: dict[str, Any], blocks: dict[str, bytearray]) -> None:
        put("owner.prefixes.data", "|u1", list(prefix.encode()))(directory, blocks)
        put("owner.prefixes.offsets", "<i8", [0, len(prefix)])(directory, blocks)
        put("owner.keys", "<i8", [0 if number is None else number + 1, -1, -1])(directory, blocks)

    path = forged(tmp_path / "h.columns", forge)
    if cut:
        with pytest.raises(HistoryError, match="cut at the wrong place"):
            loaded(path)
    else:
        assert loaded(path).calls.owner[0] == prefix + ("" if number is None else str(number))


def test_an_interrupted_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "h.columns"
    save(small(), path)
    before = path.read_bytes()

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(arrange([HEADER], None, []), path)
    assert [file.name for file in tmp_path.iterdir()] == ["h.columns"]
    assert path.read_bytes() == before


def test_a_columnar_file_can_be_named_itself(tmp_path: Path) -> None:
    save(small(), tmp_path / "any.name")
    history = read(tmp_path / "any.name")
    history.source = None
    assert same(history, small())
