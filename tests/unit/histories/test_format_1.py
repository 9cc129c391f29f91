"""Files of format version 1, as they were saved before version 2: they hold what their stories tell today."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker import check
from histories.read import read
from tests.unit.checker.stories import CORPUS

DATA = Path(__file__).parent / "data" / "format-1"
NAMES = ("failover", "session-overstay")


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_file_of_format_1_is_judged_as_ever(name: str) -> None:
    history, told = read(DATA / f"{name}.jsonl"), CORPUS[name][0]().history()
    assert (history.header.version, told.header.version) == (1, 2)
    assert history.rows == told.rows
    assert [history.calls.call(row) for row in range(len(history.calls))] == [
        told.calls.call(row) for row in range(len(told.calls))
    ]
    expected = CORPUS[name][1].verdicts
    verdicts = {verdict.property: verdict.validity for verdict in check(history)}
    assert {key: verdicts[key] for key in expected} == expected
