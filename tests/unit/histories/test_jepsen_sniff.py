"""What a file is, is seen in its first bytes; whatever they are, reading gives a history or says file and line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories.build import Story
from histories.errors import HistoryError
from histories.history import arrange
from histories.jepsen import read_jepsen, read_jepsen_log, sniff, write_jepsen
from histories.rows import AnyRow
from histories.spec import Spec

DATA = Path(__file__).parent / "data"
CORPUS = Path(__file__).parents[3] / "histories" / "corpus"


@pytest.mark.parametrize(
    ("begin", "kind"),
    [
        (b'{"row":"header"', "jsonl"),
        (b'\n  { "row": 1', "jsonl"),
        (b"LQCOLS\x00\x01", "columns"),
        (b"[{:type :invoke", "edn"),
        (b"{:type :invoke", "edn"),
        (b"({:type :invoke", "edn"),
        (b"; said\n\n[ ; more\n {:type", "edn"),
        (b"\xef\xbb\xbf{:type", "edn"),
        (b"#jepsen.history.Op{:index 0", "edn"),
        (b"[#jepsen.history.Op {:index 0", "edn"),
        (b"{ #_ 1 :type", "edn"),
        (b"[]", "edn"),
        (b"INFO  jepsen.util - 0\t:invoke\t:read\tnil\n", "jepsen-log"),
        (b"[main] INFO x\nINFO [..] jepsen worker 1 - jepsen.util 1\t:invoke\t:read\tnil\n", "jepsen-log"),
        (b"0\t:invoke\t:read\tnil", "jepsen-log"),
        (b"", None),
        (b"[1, 2]", None),
        (b"\x89PNG\r\n", None),
        (b"INFO nothing of note\n", None),
        (b"<html>", None),
    ],
)
def test_the_first_bytes_tell(begin: bytes, kind: str | None, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_bytes(begin)
    assert sniff(file) == kind


def test_saved_histories_are_what_they_are() -> None:
    ours = {".edn": "edn", ".log": "jepsen-log"}
    found = [(path.suffix, sniff(path)) for path in DATA.iterdir() if path.suffix in ours]
    assert all(ours[suffix] == kind for suffix, kind in found)
    assert len(found) >= 5
    assert {sniff(path) for path in CORPUS.glob("*.jsonl")} == {"jsonl"}


Reader = Callable[[Path, Spec | None, list[str]], list[AnyRow]]


def outcome(reader: Reader, data: bytes, spec: Spec | None) -> str:
    """``history`` or ``error``; any other exception, and an error that names no file and line, is raised."""
    with TemporaryDirectory() as directory:
        file = Path(directory) / "any"
        file.write_bytes(data)
        sniff(file)
        try:
            rows = reader(file, spec, [])
        except HistoryError as error:
            if not re.match(rf"{re.escape(str(file))}: line \d+[: ]", str(error)):
                raise AssertionError(error) from error
            return "error"
        arrange(rows, file, [])
        return "history"


def written() -> bytes:
    story = Story(Spec(lease_ns=5_000_000)).hold("c1", 0, 1, until=5, fence=4, owner="o").acquire("c2", 2, 3, "info")
    story.fault("pause", 2, 4, "c1").read("c1", 5, 6, {"a": [1, 2.5, None, "ü"]}).leave("c2", 4).ledger(6, "c1", "v")
    with TemporaryDirectory() as directory:
        file = Path(directory) / "out"
        write_jepsen(story.history(), file)
        return file.read_bytes()


VALID = {path.name: path.read_bytes() for path in sorted(DATA.iterdir()) if path.suffix in {".edn", ".log"}}
VALID["ours.edn"] = written()
SNIPPETS = b'nil :info :fail -1 [ ] { } " #{ #_ ##NaN 1e999 99999999999999999999 :process :value [[[ 1.5M'.split()
SNIPPETS += [b":lockquake/row", b":lockquake/base", b"1/3", b"\\", b"\xff", b"\t", b"\n"]

edits = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from([b"", *SNIPPETS]) | st.binary(max_size=3)),
    min_size=1,
    max_size=4,
)


def edited(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for place, cut, insert in changes:
        at = int(place * len(data))
        data = data[:at] + insert + data[at + cut :]
    return data


@settings(derandomize=True, deadline=None, max_examples=250)
@given(st.sampled_from(sorted(VALID)), edits, st.sampled_from([None, Spec(lease_ns=1000), Spec(model="register")]))
def test_damaged_files_give_a_history_or_an_error_with_file_and_line(
    name: str, changes: list[tuple[float, int, bytes]], spec: Spec | None
) -> None:
    outcome(read_jepsen_log if name.endswith(".log") else read_jepsen, edited(VALID[name], changes), spec)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_do(data: bytes) -> None:
    for reader in (read_jepsen, read_jepsen_log):
        outcome(reader, data, None)


words = st.sampled_from(
    [":type", ":invoke", ":ok", ":fail", ":info", ":f", ":read", ":write", ":cas", ":txn", ":acquire", ":release",
     ":try-lock", ":process", ":nemesis", ":start", ":stop", ":value", ":time", ":index", ":error", ":timeout", "nil",
     "0", "1", "-1", "7.5", "[1 2]", "[:a nil]", "[:a [1 2]]", "[[:r 1 nil]]", '"x"', "#{3 \"a\" nil}", "{:fence 2}"]
)  # fmt: skip
maps = st.lists(words, max_size=14).map(lambda pairs: "{" + " ".join(pairs[: len(pairs) // 2 * 2]) + "}")
sensible = st.builds(
    "{{:process {} :type {} :f {} :value {} :time {} :error {}}}".format,
    st.sampled_from(["0", "1", ":nemesis", "nil"]),
    st.sampled_from([":invoke", ":ok", ":fail", ":info"]),
    st.sampled_from([":read", ":write", ":cas", ":txn", ":acquire", ":release", ":start", ":stop", ":add", "nil"]),
    words,
    st.sampled_from(["0", "5", "10", "nil", "-7"]),
    words,
)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(sensible | maps, max_size=12))
def test_any_operations_do(texts: list[str]) -> None:
    outcome(read_jepsen, "\n".join(texts).encode(), None)


def test_undamaged_files_are_histories() -> None:
    """So the tests above are not all of errors."""
    for name, data in VALID.items():
        assert outcome(read_jepsen_log if name.endswith(".log") else read_jepsen, data, None) == "history"
