"""Reading JSON lines: whatever the file holds, the answer is a history or an error that names the place."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from histories import decode, lines, scan
from histories.errors import HistoryError
from histories.history import History, arrange
from histories.read import PARTS, read
from histories.rows import AnyRow, Call, Effect, Return, Told
from histories.spec import Spec
from histories.write import encode
from tests.unit.histories.alike import calls_of, same_columns
from tests.unit.histories.alike import same as same_histories
from tests.unit.histories.drawn import HEADER, histories

CALL = Call(t=10, client="c1", call=1, op="acquire", lock="k", attempt="c1-1")
BACK = Return(t=20, client="c1", call=1, op="acquire", lock="k", attempt="c1-1", outcome="ok")
TOLD = Told(t=15, client="c1", lock="k", attempt="c1-1", how="message")
OTHER = replace(HEADER, seed=1)


def written(path: Path, rows: list[AnyRow]) -> Path:
    path.write_bytes(b"".join(encode(row) for row in rows))
    return path


@settings(derandomize=True, deadline=None, max_examples=100)
@given(histories, st.integers(1, 400))
def test_what_is_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[AnyRow], block: int
) -> None:
    """Also where lines do not fit into a block, as here few do."""
    file = written(tmp_path_factory.getbasetemp() / "drawn.jsonl", rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK", block)
        history = read(file)
    assert same_histories(history, arrange(rows, None, []))


MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["flip", "drop", "repeat", "swap", "cut", "insert"]), st.integers(0, 10**6), st.binary()),
    min_size=1,
    max_size=4,
)


def mutated(text: bytes, mutations: list[tuple[str, int, bytes]]) -> bytes:
    for how, number, extra in mutations:
        rows = text.split(b"\n")
        line, place = number % len(rows), number % (len(text) + 1)
        if how == "flip":
            text = (
                text[:place] + bytes([text[place] ^ (1 << number % 8)]) + text[place + 1 :]
                if place < len(text)
                else text
            )
        elif how == "cut":
            text = text[:place]
        elif how == "insert":
            text = text[:place] + extra + text[place:]
        else:
            rows[line : line + 1] = {"drop": [], "repeat": [rows[line]] * 2, "swap": [rows[-1], rows[line]]}[how]
            text = b"\n".join(rows)
    return text


ROWS: list[AnyRow] = [HEADER, CALL, TOLD, BACK, replace(CALL, t=15, client="c2", op="write", value=[1, "ü"])]


@settings(derandomize=True, deadline=None, max_examples=400)
@given(MUTATIONS)
def test_a_damaged_file_is_a_history_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, mutations: list[tuple[str, int, bytes]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "mutated.jsonl"
    file.write_bytes(mutated(b"".join(encode(row) for row in ROWS), mutations))
    try:
        history = read(file)
    except HistoryError as error:
        assert "mutated.jsonl" in str(error)  # noqa: PT017
    else:
        assert isinstance(history, History)
        assert len(calls_of(history)) == len(history.calls)


@pytest.mark.parametrize(
    "line",
    [
        b'{"row":"call"}', b"{", b"\xff\xfe", b"[1,2]", b"null", b"1", b'"call"', b"{}", b"[" * 100_000, b"\x00",
        encode(CALL).strip() * 2, encode(CALL).replace(b"c1", b"c\xff"), encode(CALL).replace(b"c1", b"\\ud800"),
        encode(CALL).replace(b'"t":10', b'"t":1.5'), encode(CALL).replace(b'"t":10', b'"t":1e99'),
        encode(CALL).replace(b"acquire", b"steal"), encode(CALL).replace(b'"t":10', b'"t":-1'),
        encode(CALL).replace(b'"t":10', b'"t":%d' % (1 << 62)), encode(CALL).replace(b'"t":10', b'"t":' + b"9" * 60),
        encode(replace(TOLD, t=-5)), encode(replace(TOLD, t=1 << 62)),
    ],
)  # fmt: skip
def test_a_line_that_is_no_row_is_an_error_with_file_and_line(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "h.jsonl"
    file.write_bytes(encode(HEADER) + b"\n" + line.strip(b"\n") + b"\n" + encode(replace(CALL, call=2)))
    with pytest.raises(HistoryError, match=r"h\.jsonl: line 3"):
        read(file)


def test_a_line_without_end_is_an_error_before_it_is_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "h.jsonl"
    file.write_bytes(encode(HEADER))
    os.truncate(file, 1 << 40)  # a hole: a terabyte that takes no room
    with pytest.raises(HistoryError, match=r"h\.jsonl: line 2 is longer than 16 MiB"):
        read(file)


def test_a_long_line_is_read_and_a_longer_one_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "h.jsonl"
    room = lines.LONGEST_LINE - len(encode(replace(CALL, value=""))) + 1 - len(',"value":""') + 11
    for longer in (0, 40):
        row = encode(replace(CALL, value="x" * (room + longer)))
        file.write_bytes(encode(HEADER) + row + encode(replace(CALL, call=2)))
        if len(row) - 1 <= lines.LONGEST_LINE:
            assert len(read(file).calls) == 2
        else:
            with pytest.raises(HistoryError, match="line 2 is longer"):
                read(file)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_regular_file_is_an_error_at_once(tmp_path: Path, make: object) -> None:
    make(tmp_path / "h.jsonl")  # type: ignore[operator]
    with pytest.raises(HistoryError, match=r"no regular file|holds neither"):
        read(tmp_path / "h.jsonl")


def test_devices_and_unreadable_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="no regular file"):
        read(Path("/dev/zero"))
    with pytest.raises(HistoryError, match="cannot be opened"):
        read(tmp_path / ("x" * 300))


@pytest.mark.parametrize("content", [b"", b"\n", b"  \n\n"])
def test_an_empty_file_says_so(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "h.jsonl"
    file.write_bytes(content)
    with pytest.raises(HistoryError, match="holds no rows"):
        read(file)


def test_a_header_below_other_rows_and_a_second_header_are_errors(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"line 2: a header stands below other rows"):
        read(written(tmp_path / "below.jsonl", [CALL, HEADER]))
    with pytest.raises(HistoryError, match=r"line 3: a header stands below other rows"):
        read(written(tmp_path / "again.jsonl", [HEADER, CALL, HEADER]))
    with pytest.raises(HistoryError, match="two headers differ"):
        read(written(tmp_path / "two.jsonl", [HEADER, OTHER, CALL]))
    assert len(read(written(tmp_path / "same.jsonl", [HEADER, HEADER, CALL])).calls) == 1


def test_parts_may_all_bear_the_same_header(tmp_path: Path) -> None:
    (tmp_path / PARTS).mkdir()
    written(tmp_path / PARTS / "a.jsonl", [HEADER, CALL])
    written(tmp_path / PARTS / "b.jsonl", [HEADER, BACK])
    written(tmp_path / PARTS / "c.jsonl", [])
    assert [call.ret for call in calls_of(read(tmp_path))] == [20]
    written(tmp_path / PARTS / "c.jsonl", [OTHER])
    with pytest.raises(HistoryError, match="two headers differ"):
        read(tmp_path)


def test_a_header_of_a_newer_version_says_so_even_where_it_cannot_be_understood(tmp_path: Path) -> None:
    file = tmp_path / "h.jsonl"
    file.write_bytes(b'{"row":"header","t":0,"version":99,"spec":{"model":"of the future"}}\n')
    with pytest.raises(HistoryError, match="format version 99"):
        read(file)


def test_a_spec_given_counts_instead_of_the_header_or_without_one(tmp_path: Path) -> None:
    spec = Spec(lease_ns=5)
    with_header = read(written(tmp_path / "with.jsonl", [HEADER, CALL]), spec)
    assert (with_header.header.spec, with_header.header.plan) == (spec, HEADER.plan)
    without = read(written(tmp_path / "without.jsonl", [CALL, BACK]), spec)
    assert (without.header.spec, len(without.calls)) == (spec, 1)


def test_a_file_of_format_1_is_read_with_todays_defaults(tmp_path: Path) -> None:
    file = tmp_path / "h.jsonl"
    file.write_bytes(
        b'{"row":"header","version":1,"spec":{"lease_ns":5},"t":0}\n'
        b'{"row":"call","client":"c1","call":1,"op":"try","lock":"k","attempt":"a","t":1}\n'
        b'{"row":"return","client":"c1","call":1,"op":"try","lock":"k","attempt":"a","outcome":"fail","t":2}\n'
    )
    [call] = calls_of(read(file))
    assert (call.outcome, call.refusal, call.mode, call.permits) == ("fail", None, "exclusive", 1)


def test_unknown_kinds_are_told_once_each_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "h.jsonl"
    comets = b'{"row":"comet","t":15}\n' * 1000 + b"".join(b'{"row":"kind-%d","t":1}\n' % n for n in range(1000))
    file.write_bytes(encode(HEADER) + comets + encode(CALL))
    history = read(file)
    assert history.remarks[0] == (
        "h.jsonl: line 2 is of unknown kind 'comet' and was left out, as were 999 more of that kind"
    )
    assert len(history.remarks) < 50
    assert len(history.calls) == 1


def test_other_rows_are_in_order_of_time(tmp_path: Path) -> None:
    rows: list[AnyRow] = [HEADER, *(Effect(t=t, seq=1, resource="r") for t in (5, 3, 4))]
    assert [row.t for row in read(written(tmp_path / "h.jsonl", rows)).rows] == [3, 4, 5]


def test_long_files_read_straight_into_columns_give_the_same_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[AnyRow] = [HEADER]
    for number in range(3_000):
        same: dict[str, Any] = {"call": number, "client": f"c{number % 5}", "attempt": f"c{number % 5}-{number}"}
        rows.append(replace(CALL, t=10 * (number // 2), owner="ü" if number % 97 == 0 else f"u{number}", **same))
        if number % 50 == 0:
            rows.append(replace(TOLD, t=10 * number))
        rows.append(replace(BACK, t=10 * number + 5, fence=number if number % 3 else None, **same))
    file = written(tmp_path / "h.jsonl", rows)
    history = read(file)
    monkeypatch.setattr(decode, "Scanner", lambda words: scan.Scanner(words, least=1 << 40))
    assert same_histories(history, read(file))
    assert [call.number for call in calls_of(history)] == list(range(3_000))  # at equal times as written


@pytest.mark.parametrize("at", [0, 1, 100, 200])
def test_a_header_below_many_rows_is_found_too(tmp_path: Path, at: int) -> None:
    rows: list[AnyRow] = [replace(CALL, call=number) for number in range(200)]
    rows.insert(at, HEADER)
    file = written(tmp_path / "h.jsonl", rows)
    if at == 0:
        assert len(read(file).calls) == 200
    else:
        with pytest.raises(HistoryError, match=f"line {at + 1}: a header stands below"):
            read(file)


MEMORY = """
import resource, sys
from pathlib import Path
from histories.read import read
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
history = read(Path(sys.argv[1]))
print(len(history.calls), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_rows_do_not_stay_in_memory(tmp_path: Path) -> None:
    """As row objects 100,000 calls take some 100 MB."""
    file = tmp_path / "h.jsonl"
    with file.open("wb") as out:
        out.write(encode(HEADER))
        for number in range(100_000):
            name = f"c1-{number}"
            out.write(encode(replace(CALL, t=number, call=number, attempt=name)))
            out.write(encode(replace(BACK, t=number + 1, call=number, attempt=name)))
    told = subprocess.run([sys.executable, "-c", MEMORY, str(file)], capture_output=True, text=True, check=True).stdout
    calls, kilobytes = map(int, told.split())
    assert calls == 100_000
    assert kilobytes * 1024 / resource.getpagesize() < 60e6 / resource.getpagesize()


def test_parts_and_one_file_give_the_same_columns(tmp_path: Path) -> None:
    rows: list[AnyRow] = [replace(CALL, t=t, call=t, attempt=f"c1-{t}", client=f"c{t % 3}") for t in (5, 1, 9, 4, 7)]
    (tmp_path / PARTS).mkdir()
    written(tmp_path / PARTS / "a.jsonl", [HEADER, *rows[:2]])
    written(tmp_path / PARTS / "b.jsonl", rows[2:])
    whole = read(written(tmp_path / "h.jsonl", [HEADER, *sorted(rows, key=lambda row: row.t)]))
    assert same_columns(read(tmp_path).calls, whole.calls)
