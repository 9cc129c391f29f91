"""Calls and returns become columns: nothing is lost on the way, and what does not fit together is an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from histories.errors import HistoryError
from histories.history import arrange
from histories.pairing import rows_of
from histories.read import read
from histories.rows import AnyRow, Call, Return
from histories.write import encode
from tests.unit.histories.alike import calls_of, same_columns
from tests.unit.histories.drawn import HEADER, expected_calls, histories

CALL = Call(t=10, client="c1", call=1, op="acquire", lock="k", attempt="c1-1")
BACK = Return(t=20, client="c1", call=1, op="acquire", lock="k", attempt="c1-1", outcome="ok")


@settings(derandomize=True, deadline=None, max_examples=150)
@given(histories)
def test_every_field_comes_back_from_the_columns(rows: list[AnyRow]) -> None:
    history = arrange(rows, None, [])
    assert calls_of(history) == expected_calls(rows)
    rest = [row for row in rows if not isinstance(row, Call | Return) and row is not HEADER]
    assert history.rows == sorted(rest, key=lambda row: row.t)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(histories)
def test_rows_given_back_make_the_same_columns(rows: list[AnyRow]) -> None:
    calls = arrange(rows, None, []).calls
    given_back = list(rows_of(calls))
    assert [row.t for row in given_back] == sorted(row.t for row in given_back)
    assert same_columns(arrange([HEADER, *given_back], None, []).calls, calls)


def test_columns_do_not_depend_on_the_order_the_rows_came_in() -> None:
    rows: list[AnyRow] = [HEADER]
    for number in range(5):
        for client in ("c2", "c1"):
            t = 10 * number + int(client[1])
            rows += [
                replace(CALL, t=t, client=client, call=number, attempt=f"{client}-{number}"),
                replace(BACK, t=t + 5, client=client, call=number, attempt=f"{client}-{number}", owner=f"o{t}"),
            ]
    backwards = [HEADER, *rows[:0:-1]]
    assert same_columns(arrange(rows, None, []).calls, arrange(backwards, None, []).calls)


def test_calls_of_the_same_time_stay_as_written() -> None:
    rows: list[AnyRow] = [HEADER, *(replace(CALL, call=number) for number in (3, 1, 2))]
    assert [call.number for call in calls_of(arrange(rows, None, []))] == [3, 1, 2]


def test_a_column_whose_rows_are_alike_takes_no_memory() -> None:
    rows: list[AnyRow] = [HEADER]
    for number in range(100):
        rows += [replace(CALL, t=number, call=number), replace(BACK, t=number + 1, call=number)]
    calls = arrange(rows, None, []).calls
    empty = {"client", "op", "lock", "outcome", "fence", "lease_until", "depth", "mode", "permits", "refusal"}
    assert all(getattr(calls, name).strides == (0,) for name in empty)
    assert all(labels.keys.strides == (0,) for labels in (calls.attempt, calls.owner, calls.value, calls.error))
    assert calls.number.strides == (8,)


MISFITS = {
    "the same call": ([CALL, replace(CALL, t=12)], 3, "the same call is there a second time"),
    "two returns": ([CALL, BACK, replace(BACK, t=21)], 4, "the same return is there a second time"),
    "no call": ([CALL, replace(BACK, call=2)], 3, "a return has no call"),
    "no call of that client": ([CALL, replace(BACK, client="c2")], 3, "a return has no call"),
    "too early": ([CALL, replace(BACK, t=9)], 3, "before its call"),
    "another lock": ([CALL, replace(BACK, lock="j")], 3, "another lock than its call .client 'c1', call 1"),
    "another operation": ([CALL, replace(BACK, op="try")], 3, "another op than its call"),
    "another attempt": ([CALL, replace(BACK, attempt="c1-2")], 3, "another attempt than its call"),
    "a great fence": ([CALL, replace(BACK, fence=1 << 63)], 3, "fence is 9223372036854775808"),
    "a fence that means none": ([CALL, replace(BACK, fence=-(1 << 63))], 3, "fence is -9223372036854775808"),
    "a negative time": ([replace(CALL, t=-1), BACK], 2, "t is -1"),
    "a time after everything": ([CALL, replace(BACK, t=1 << 62)], 3, "t is 4611686018427387904"),
    "a depth beyond": ([CALL, replace(BACK, depth=1 << 31)], 3, "depth is 2147483648"),
}


@pytest.mark.parametrize("name", MISFITS)
@pytest.mark.parametrize("gap", [0, 1 << 40])
def test_what_does_not_fit_is_an_error_with_file_and_line(tmp_path: Path, name: str, gap: int) -> None:
    rows, line, message = MISFITS[name]
    shifted = [replace(row, call=row.call * (1 + gap)) for row in rows]  # far-apart numbers are joined another way
    with pytest.raises(HistoryError, match=message.replace("call 1", f"call {1 + gap}")):
        arrange([HEADER, *shifted], None, [])
    file = tmp_path / "h.jsonl"
    file.write_bytes(b"".join(encode(row) for row in [HEADER, *shifted]))
    with pytest.raises(HistoryError, match=rf"h\.jsonl: line {line}: .*restore the file"):
        read(file)


def test_of_two_that_are_the_same_both_places_are_told(tmp_path: Path) -> None:
    file = tmp_path / "h.jsonl"
    file.write_bytes(b"".join(encode(row) for row in [HEADER, CALL, BACK, replace(BACK, t=30)]))
    with pytest.raises(HistoryError, match=r"h\.jsonl: line 4: .*, after .*h\.jsonl: line 3 .client 'c1', call 1"):
        read(file)


def test_a_value_that_is_no_json_is_an_error_and_no_crash() -> None:
    for value in ("\ud800", object()):
        with pytest.raises(HistoryError, match=r"value is .*, which a history cannot hold"):
            arrange([HEADER, replace(CALL, value=value)], None, [])
    with pytest.raises(HistoryError, match="op is 'steal'"):
        arrange([HEADER, replace(CALL, op="steal")], None, [])  # type: ignore[arg-type]


@pytest.mark.parametrize("base", [0, -5, (1 << 60) + 1, (1 << 63) - 4, -(1 << 63) + 1])
def test_numbers_are_told_apart_however_great(base: int) -> None:
    rows: list[AnyRow] = [HEADER]
    for number in (0, 1, 2):
        for client in ("c1", "c2"):
            rows.append(replace(CALL, client=client, call=base + number))
            rows.append(replace(BACK, client=client, call=base + number, t=20 + number))
    calls = calls_of(arrange(rows, None, []))
    assert [(call.number - base, call.ret) for call in calls] == [(0, 20), (0, 20), (1, 21), (1, 21), (2, 22), (2, 22)]


def test_far_apart_numbers_take_no_memory_for_the_gap() -> None:
    rows: list[AnyRow] = [HEADER]
    for number in (-(1 << 63) + 1, 0, (1 << 63) - 1):
        rows += [replace(CALL, call=number), replace(BACK, call=number)]
    assert np.array_equal(arrange(rows, None, []).calls.ret, [20, 20, 20])


@pytest.mark.parametrize("permits", [0, -3])
def test_nobody_asks_for_less_than_one_permit(permits: int) -> None:
    """Fewer than none would make room for others."""
    row = Call(t=1, client="A", call=1, op="acquire", lock="lock", attempt="A-1", permits=permits)
    with pytest.raises(HistoryError, match=f"permits is {permits}, outside 1"):
        arrange([HEADER, row], None, [])
