"""Row by row, a visit's holds are those of the columns; with next to no memory they are some of them."""

from __future__ import annotations

from random import Random

import pytest

from checker.record import Record, read_record
from checker.visits import Visit
from histories.rows import Call, Leave, Return, Trial
from histories.vocabulary import ACQUIRES
from tests.unit.checker.crowds import RUNNER, Crowd, gather

Found = tuple[str, str, int, int]
"""Client, lock, entered, left (ns)."""
LATE = 10_000


def undisturbed(seed: int) -> Crowd:
    """Nobody is killed, and the trial ends after everything."""
    crowd = gather(Random(seed))
    crowd.streams[RUNNER] = [Trial(t=0, state="started"), Trial(t=LATE, state="ended")]
    return crowd


def in_columns(record: Record) -> set[Found]:
    holds = record.holds
    columns = zip(holds.client.tolist(), holds.lock.tolist(), holds.entered.tolist(), holds.left.tolist(), strict=True)
    return {(record.clients[client], record.locks[lock], entered, left) for client, lock, entered, left in columns}


def row_by_row(crowd: Crowd) -> tuple[set[Found], bool]:
    """What visits say, and whether all of them are sure."""
    found: set[Found] = set()
    visits: dict[tuple[str, str], Visit] = {}
    inside: dict[tuple[str, str], int] = {}
    for row in (row for stream in crowd.streams.values() for row in stream):
        if not isinstance(row, Call | Return | Leave):
            continue
        key = row.client, row.lock
        visit = visits.setdefault(key, Visit())
        out = False
        if isinstance(row, Leave):
            out = visit.departs(row.attempt, row.t)
        elif isinstance(row, Call):
            out = row.op == "release" and visit.releases(row.attempt)
            if row.op in ACQUIRES:
                visit.asks(row.attempt)
        elif row.op in ACQUIRES and row.outcome == "ok" and visit.enters(row.attempt, row.t):
            inside[key] = row.t
        if out and key in inside:
            found.add((*key, inside.pop(key), row.t))
    return found | {(*key, t, LATE) for key, t in inside.items()}, all(visit.sure for visit in visits.values())


@pytest.mark.parametrize("block", range(4))
def test_the_holds_are_those_of_the_columns(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        crowd = undisturbed(seed)
        expected = in_columns(read_record(crowd.history))
        found, sure = row_by_row(crowd)
        assert {hold for hold in found if hold[2] < hold[3]} == {hold for hold in expected if hold[2] < hold[3]}, seed
        assert sure


@pytest.mark.parametrize("block", range(4))
def test_with_no_memory_a_hold_may_end_early_but_none_is_made_up(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.visits.REMEMBERED", 1)
    unsure = 0
    for seed in range(block * 100, block * 100 + 100):
        crowd = undisturbed(seed)
        expected = {hold[:3]: hold[3] for hold in in_columns(read_record(crowd.history)) if hold[2] < hold[3]}
        found, sure = row_by_row(crowd)
        some = [hold for hold in found if hold[2] < hold[3]]
        assert all(hold[3] <= expected.get(hold[:3], -1) for hold in some), seed
        assert not sure or len(some) == len(expected), seed
        unsure += not sure
    assert unsure > 5


def test_what_speaks_of_a_forgotten_attempt_ends_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """``a`` may have been of an earlier hold (then nothing moves) or never granted (then one depth is given up)."""
    monkeypatch.setattr("checker.visits.REMEMBERED", 2)
    visit = Visit()
    assert visit.enters("a", 1)
    assert visit.releases("a")
    assert visit.enters("b", 2)
    assert not visit.enters("c", 3)
    assert visit.sure
    assert visit.releases("a")
    assert not visit.sure
    assert not visit.releases("c")
    assert not visit.enters("d", 4), "nobody knows whether this is a new hold"
    assert not visit.releases("d")
    assert visit.departs("d", 5)
    assert visit.enters("e", 6)
