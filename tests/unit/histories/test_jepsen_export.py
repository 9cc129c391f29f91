"""What we write for Jepsen comes back as it was, and is what Jepsen's own tools accept."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories.build import MS, Story
from histories.edn import Keyword, read_forms
from histories.errors import HistoryError
from histories.history import History, arrange
from histories.jepsen import read_jepsen, sniff, write_jepsen
from histories.jepsen.processes import Processes, family, successor
from histories.read import read
from histories.rows import AnyRow, Call, Return
from histories.spec import Spec
from nuclei.clients import identity
from tests.unit.histories.alike import calls_of, same_columns
from tests.unit.histories.drawn import HEADER, histories

CORPUS = sorted((Path(__file__).parents[3] / "histories" / "corpus").glob("*.jsonl"))
K = Keyword


def exported(history: History, **options: Any) -> bytes:
    out = io.BytesIO()
    write_jepsen(history, out, **options)
    return out.getvalue()


def again(history: History, tmp_path: Path) -> History:
    """The history written and read back."""
    file = tmp_path / "history.edn"
    write_jepsen(history, file)
    assert sniff(file) == "edn"
    remarks: list[str] = []
    rows = read_jepsen(file, None, remarks)
    assert remarks == []
    return arrange(rows, history.source, [])


def maps(data: bytes) -> list[dict[str, Any]]:
    """The operations as Jepsen sees them: without what it ignores, keys and keywords as text."""
    return [
        {key.name: value for key, value in form.items() if not key.startswith(":lockquake/")}
        for _, form in read_forms(io.BytesIO(data), "out.edn")
    ]


def clients_of(data: bytes) -> list[dict[str, Any]]:
    return [op for op in maps(data) if isinstance(op["process"], int)]


@settings(derandomize=True, deadline=None, max_examples=80)
@given(histories)
def test_whatever_a_history_holds_comes_back(rows: list[AnyRow]) -> None:
    history = arrange(rows, None, [])
    with TemporaryDirectory() as directory:
        back = again(history, Path(directory))
    assert same_columns(back.calls, history.calls)
    assert (back.header, back.rows) == (history.header, history.rows)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(histories)
def test_jepsen_accepts_it(rows: list[AnyRow]) -> None:
    data = exported(arrange(rows, None, []))
    assert_jepsen_accepts(maps(data))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_the_corpus_comes_back_and_jepsen_accepts_it(path: Path, tmp_path: Path) -> None:
    history = read(path)
    back = again(history, tmp_path)
    assert calls_of(back) == calls_of(history)
    assert (back.header, back.rows) == (history.header, history.rows)
    assert_jepsen_accepts(maps(exported(history)))


def assert_jepsen_accepts(ops: list[dict[str, Any]]) -> None:
    """The conditions jepsen.history and Knossos set: dense indices, times in order, processes that do one thing at a
    time and nothing after ``:info``, and completions of what was invoked."""
    assert [op["index"] for op in ops] == list(range(len(ops)))
    times = [op["time"] for op in ops[1:]]
    assert times == sorted(times)
    assert min([0, *times]) == 0
    under_way: dict[int, Any] = {}
    gone = set()
    for op in ops:
        process = op["process"]
        assert {"index", "time", "type", "process", "f", "value"} <= set(op)
        if not isinstance(process, int):
            assert op["type"] == K(":info")
            continue
        assert process not in gone
        if op["type"] == K(":invoke"):
            assert process not in under_way
            under_way[process] = op["f"]
            continue
        assert under_way.pop(process) == op["f"]
        if op["type"] == K(":info"):
            gone.add(process)


def short(op: dict[str, Any]) -> tuple[Any, ...]:
    return op["process"], op["type"][1:], op["f"][1:], op["value"]


def test_locks_are_said_in_jepsens_words() -> None:
    story = (
        Story(Spec(lease_ns=100 * MS, fenced=True))
        .acquire("c1", 0, 2, fence=7)
        .acquire("c2", 1, 3, "fail", op="try", refusal="busy")
        .release("c1", 5, 6, "info")
        .release("c1", 7, 8)
        .acquire("c1.2", 9, None)
        .fault("partition", 3.5, 7.5, "n1", "n2")
    )
    ops = maps(exported(story.history()))
    assert [short(op) for op in ops if isinstance(op["process"], int)] == [
        (0, "invoke", "acquire", None),
        (1, "invoke", "acquire", None),
        (0, "ok", "acquire", 7),
        (1, "fail", "acquire", None),
        (0, "invoke", "release", None),
        (0, "info", "release", None),
        (2, "invoke", "release", None),
        (2, "ok", "release", None),
        (4, "invoke", "acquire", None),
    ]
    assert [op["error"] for op in ops if op["type"] == K(":fail")] == [K(":busy")]
    assert [(op["time"] // MS, op["f"], op["value"]) for op in ops if op["process"] == K(":nemesis")] == [
        (3, K(":start-partition"), None),
        (3, K(":start-partition"), ["n1", "n2"]),
        (7, K(":stop-partition"), ["n1", "n2"]),
        (7, K(":stop-partition"), ["n1", "n2"]),
    ]


def test_several_locks_are_independent_keys() -> None:
    rows: list[AnyRow] = [HEADER]
    for number, lock in enumerate(["a", "b"]):
        same: dict[str, Any] = {
            "client": "c1",
            "call": number,
            "op": "acquire",
            "lock": lock,
            "attempt": f"c1-{number}",
        }
        rows += [Call(t=10 * number, **same), Return(t=10 * number + 1, outcome="ok", fence=number + 3, **same)]
    ops = clients_of(exported(arrange(rows, None, [])))
    assert [op["value"] for op in ops] == [["a", None], ["a", 3], ["b", None], ["b", 4]]


def test_registers_and_transactions_are_said_in_knossos_and_elles_words() -> None:
    done: list[tuple[str, Any, Any]] = [("cas", [1, 2], "ok"), ("read", 2, "ok"), ("write", 3, "info")]
    reads = [["read", "x", 5], ["append", "y", 6]]
    done += [("txn", reads, "ok"), ("txn", reads, "info")]
    rows: list[AnyRow] = [HEADER]
    for number, (op, value, outcome) in enumerate(done):
        same: dict[str, Any] = {"client": f"c{number}", "call": 1, "op": op, "lock": "register", "attempt": ""}
        rows += [Call(t=number, **same), Return(t=number + 1, outcome=outcome, value=value, **same)]
    history = arrange(rows, None, [])
    by_process: dict[int, list[Any]] = {}
    for form in clients_of(exported(history)):
        by_process.setdefault(form["process"], []).append(form["value"])
    assert by_process == {
        0: [[1, 2], [1, 2]],
        1: [None, 2],
        2: [3, 3],
        3: [[[K(":r"), "x", None], [K(":append"), "y", 6]], [[K(":r"), "x", 5], [K(":append"), "y", 6]]],
        4: [[[K(":r"), "x", 5], [K(":append"), "y", 6]]] * 2,
    }


def test_only_some_operations_may_be_written() -> None:
    story = Story().hold("c1", 0, 1, until=5).read("c1", 2, 3, "v").renew("c1", 3, 4)
    ops = clients_of(exported(story.history(), operations={"acquire", "try", "release"}))
    assert [op["f"] for op in ops] == [K(":acquire"), K(":acquire"), K(":release"), K(":release")]


def test_edited_files_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    """Without our header the operations are there all the same; a spec given replaces the one in the header."""
    story = Story(Spec(lease_ns=5)).hold("c1", 1, 2, until=3)
    file = tmp_path / "history.edn"
    lines = exported(story.history()).splitlines(keepends=True)
    file.write_bytes(b"".join(lines))
    assert arrange(read_jepsen(file, Spec(permits=2), []), None, []).header.spec == Spec(permits=2)
    file.write_bytes(b"".join(lines[1:]))
    remarks: list[str] = []
    history = arrange(read_jepsen(file, None, remarks), None, [])
    assert [call.op for call in calls_of(history)] == ["acquire", "release"]
    assert history.header.spec == Spec()
    assert any("no spec" in remark for remark in remarks)


def test_rows_of_a_newer_version_are_left_out_aloud(tmp_path: Path) -> None:
    file = tmp_path / "history.edn"
    comet = b'{:type :info, :process :lockquake, :f :comet, :time 5, :lockquake/row "comet"}\n'
    file.write_bytes(exported(Story().hold("c1", 1, 2, until=3).history()) + comet)
    remarks: list[str] = []
    assert len(read_jepsen(file, None, remarks)) == 5
    assert "'comet'" in remarks[0]
    file.write_bytes(comet.replace(b'"comet"', b'"call"'))
    with pytest.raises(HistoryError, match=r"history\.edn: line 1: the fields"):
        read_jepsen(file, None, [])


@pytest.mark.parametrize(
    ("edit", "line", "words"),
    [
        (lambda lines: [*lines, lines[2]], 6, "no call 1 of client 'c1' waits"),
        (lambda lines: [*lines[:3], *lines[1:]], 4, "call 1 of client 'c1' is there a second time"),
        (lambda lines: [lines[0], lines[2]], 2, "no call 1 of client 'c1' waits"),
        (lambda lines: [*lines[:2], lines[2].replace(b" 2000000", b" 999999")], 3, "this is no return of call 1"),
        (lambda lines: [*lines[:2], lines[2].replace(b'op "acquire"', b'op "try"')], 3, "this is no return of call 1"),
        (lambda lines: [lines[1].replace(b":time 1000000", b":time -5")], 1, ":time is -5"),
        (lambda lines: [lines[0].replace(b"base 0", b"base nil")], 1, "base is nil"),
        (lambda lines: [lines[1].replace(b"call 1", b"call 9999999999999999999")], 1, "call is 9999999999999999999"),
    ],
)  # fmt: skip
def test_damage_is_said_with_its_line(
    edit: Callable[[list[bytes]], list[bytes]], line: int, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "history.edn"
    lines = exported(Story().hold("c1", 1, 2, until=3).history()).splitlines(keepends=True)
    file.write_bytes(b"".join(edit(lines)))
    with pytest.raises(HistoryError, match=rf"history\.edn: line {line}: .*{words}"):
        read_jepsen(file, None, [])


@given(st.from_regex(r"\A[a-z]{1,3}(\.[0-9]{1,3}){0,2}\Z"))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_clients_are_named_by_the_rule_of_the_clients(client: str) -> None:
    assert successor(client) == identity.successor(client)
    assert family(client) == identity.process_name(client)


def test_a_number_is_spent_by_an_indeterminate_end_and_busy_while_under_way() -> None:
    processes = Processes(["c1", "c2", "c1.2"])
    assert processes.concurrency == 2
    assert [processes.begin("c1", 1), processes.begin("c1", 2), processes.begin("c2", 1)] == [0, 2, 1]
    assert processes.end("c1", 1, indeterminate=False) == 0
    assert processes.begin("c1", 3) == 0
    assert processes.end("c1", 3, indeterminate=True) == 0
    assert processes.end("c1", 2, indeterminate=False) == 2
    assert processes.begin("c1", 4) == 2
    assert processes.begin("c1.2", 1) == 4
