"""The log form of Jepsen's histories, as the console, ``history.txt`` and other checkers' test data have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from histories.errors import HistoryError
from histories.history import History, arrange
from histories.jepsen import read_jepsen, read_jepsen_log
from histories.rows import Fault
from histories.spec import Spec
from tests.unit.histories.alike import calls_of, same_columns

DATA = Path(__file__).parent / "data"


def history_of(text: str | bytes, tmp_path: Path) -> History:
    file = tmp_path / "h.log"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_log(file)


def read_log(file: Path) -> History:
    remarks: list[str] = []
    return arrange(read_jepsen_log(file, None, remarks), file, remarks)


def short(history: History, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(call, name) for name in names) for call in calls_of(history)]


def test_a_register_with_time_outs_in_place_of_values() -> None:
    history = read_log(DATA / "register.log")
    assert short(history, "client", "op", "value", "outcome", "error", "inv", "ret") == [
        ("p0", "read", None, "ok", None, 0, 2000),
        ("p1", "write", 0, "ok", None, 1000, 3000),
        ("p2", "cas", [0, 2], "fail", None, 5000, 7000),
        ("p0", "cas", [0, 4], "info", "timed-out", 8000, 11000),
        ("p1", "read", None, "fail", "timed-out", 9000, 10000),
        ("p5", "read", 4, "ok", None, 12000, 14000),
        ("p2", "write", 3, "open", None, 16000, 1 << 62),
    ]
    assert [(row.name, row.state) for row in history.rows if isinstance(row, Fault)] == [
        ("nemesis", "asked"),
        ("nemesis", "proven"),
        ("nemesis", "heal-asked"),
        ("nemesis", "healed"),
    ]
    assert history.header.spec == Spec(model="register")
    assert {call.lock for call in calls_of(history)} == {"register"}


def test_a_mutex_between_other_lines() -> None:
    history = read_log(DATA / "mutex.log")
    assert short(history, "client", "op", "attempt", "outcome", "fence", "refusal", "error") == [
        ("p0", "acquire", "p0-1", "ok", 3, None, None),
        ("p1", "acquire", "p1-1", "info", None, None, "indeterminate: null"),
        ("p0", "release", "p0-1", "fail", None, "not-held", '[:not-lock-owner "Current thread is not owner"]'),
        ("p6", "acquire", "p6-1", "open", None, None, None),
    ]
    assert [(row.name, row.targets) for row in history.rows if isinstance(row, Fault)] == [
        ("partition", []),
        ("partition", ["n1", "n2"]),
    ]
    assert any("fenced" in remark for remark in history.remarks)


FORMS = [
    "INFO  jepsen.util - {0}\t{1}\t{2}\t{3}",
    "INFO [2024-07-14 10:28:16,721] jepsen worker 4 - jepsen.util {0}\t{1}\t{2}\t{3}",
    "INFO [2024-07-14 10:28:16,721] jepsen worker 4 - jepsen.util {0}  {1} {2}   {3}",
    "2024-07-14 10:28:16,721{{GMT}}\tINFO\t[jepsen worker 0] jepsen.util: - jepsen.util {0}\t{1}\t{2}\t{3}",
    "{0}\t{1}\t{2}\t{3}",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_form_of_a_line_says_the_same_as_edn(form: str, end: str, tmp_path: Path) -> None:
    steps = [
        (0, ":invoke", ":read", "nil"),
        (1, ":invoke", ":cas", "[1 [2 3]]"),
        (":nemesis", ":info", ":start-partition", '[:isolated {"n1" #{"n2"}}]'),
        (0, ":ok", ":read", "{:a #{2 1}}"),
        (1, ":fail", ":cas", "[1 [2 3]]"),
        (0, ":invoke", ":write", '"a \\t b"'),
        (0, ":ok", ":write", '"a \\t b"'),
    ]
    log = history_of("".join(form.format(*step) + end for step in steps), tmp_path)
    edn = tmp_path / "h.edn"
    edn.write_text("".join("{{:process {} :type {} :f {} :value {}}}".format(*step) for step in steps))
    same = arrange(read_jepsen(edn, None, []), None, [])
    assert same_columns(log.calls, same.calls)
    assert log.rows == same.rows


@pytest.mark.parametrize(
    ("line", "value", "error"),
    [
        ("0\t:info\t:write\t1\t:timeout", 1, "timeout"),
        ("0\t:info\t:write\t1\t[:net \"a b\"]", 1, '[:net "a b"]'),
        ("0\t:info\t:write\t1\tindeterminate: Read timed out [x", 1, "indeterminate: Read timed out [x"),
        ("0   :info  :write   1   :timeout", 1, "timeout"),
        ("0\t:info\t:write\t:timed-out", 1, "timed-out"),
        ("0\t:info\t:write\tjava.net.SocketException: [gone", 1, "java.net.SocketException: [gone"),
        ("0\t:info\t:write\t", 1, None),
        ("0\t:info\t:write", 1, None),
    ],
)  # fmt: skip
def test_errors_stand_behind_the_value_or_instead(line: str, value: int, error: str | None, tmp_path: Path) -> None:
    history = history_of(f"0\t:invoke\t:write\t1\n{line}\n", tmp_path)
    assert short(history, "value", "outcome", "error") == [(value, "info", error)]


def test_a_torn_last_line_is_left_out_aloud(tmp_path: Path) -> None:
    whole = "INFO  jepsen.util - 0\t:invoke\t:read\tnil\n"
    for torn in ("INFO  jepsen.util - 0\t:o", "INFO  jepsen.util - 0\t:ok\t:read\t[1 "):
        history = history_of(whole + torn, tmp_path)
        assert short(history, "outcome") == [("open",)]
        assert any("h.log: line 2 is torn" in remark for remark in history.remarks)
        with pytest.raises(HistoryError, match=r"h\.log: line 2: "):
            history_of(f"{whole}{torn}\n{whole}", tmp_path)
    assert short(history_of(whole + "INFO  jepsen.util - 0\t:ok\t:read\t7", tmp_path), "value") == [(7,)]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "no line of this log"),
        ("INFO something else\n", 1, "no line of this log"),
        ("x\nINFO jepsen.util - 0\t:maybe\t:read\tnil\n", 2, "tells of no operation"),
        ("0\t:invoke\t:(\n", 1, "name of an operation"),
        ("0\t:invoke\t:read\t[1\n", 1, "ends inside"),
        ("0\t:invoke\t:read\t1 2\n", 1, "after the value"),
        (b"0\t:invoke\t:read\tnil\n0\t:ok\t:read\t\xff\n", 2, "not UTF-8"),
        ("0\t:invoke\t:enqueue\t1\n", 1, "neither"),
    ],
)
def test_what_is_no_log_is_said_with_file_and_line(text: str | bytes, line: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=rf"h\.log: line {line}: .*{words}"):
        history_of(text, tmp_path)


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"line 2: longer than"):
        history_of(b"0\t:invoke\t:read\tnil\n" + b"x" * (17 << 20), tmp_path)
