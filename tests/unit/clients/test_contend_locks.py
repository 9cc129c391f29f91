"""``contend`` with ``locks``: each attempt takes one of several, and raises the counter that one guards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from client_bench import configured

from checker import check
from checker.case import cases
from histories.read import read
from histories.rows import FORMAT_VERSION, Header
from histories.spec import Spec
from histories.write import PartWriter
from nuclei.clients.control import Control
from nuclei.clients.recorder import Recorder
from nuclei.clients.session import Session
from nuclei.locks.base import Attempt, Grant, Lock, LockEntry
from nuclei.workloads.contend import DEFAULTS, Contend, stakes


class Free(Lock):
    """Lets everybody in."""

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        return Grant()

    def release(self) -> None: ...

    def close(self) -> None:
        """There is nothing to drop."""


class Ledger:
    """Counters in memory."""

    def __init__(self, counters: dict[str, int]) -> None:
        self.counters = counters

    def read_counter(self, counter: str) -> dict[str, int]:
        return {counter: self.counters[counter]}

    def write_counter(self, counter: str, value: int, *rest: Any) -> None:
        self.counters[counter] = value

    def close(self) -> None:
        """There is nothing to drop."""


Play = Callable[..., Path]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Run the workload on three locks; the history."""
    made: list[tuple[Session, Recorder]] = []

    def run(ledger: Ledger | None = None, **params: Any) -> Path:
        part = PartWriter(tmp_path / "c1.jsonl")
        part.write(Header(t=0, version=FORMAT_VERSION, spec=Spec()))
        recorder = Recorder(part, lambda report: None, live=False)
        entry = LockEntry(name="free", summary="", clusters=(), make=Free, spec=lambda settings: Spec())
        session = Session(configured(tmp_path), entry, recorder, Control(lambda report: None), ledger)  # type: ignore[arg-type]
        made.append((session, recorder))
        quick = {"hold": 0.0, "think": 0.0, "rounds": 60, "locks": 3}
        Contend({**DEFAULTS, **quick, **params}).run(session)
        return tmp_path / "c1.jsonl"

    yield run
    for session, recorder in made:
        session.close()
        recorder.close()


def test_every_lock_has_its_turns_and_its_own_part_of_the_history(play: Play) -> None:
    history = read(play())
    turns = {case.lock: len(case.holds) for case in cases(history)}
    assert turns.keys() == {"k", "k:2", "k:3"}
    assert sum(turns.values()) == 60
    assert min(turns.values()) >= 10
    judged = Counter((verdict.property, verdict.lock) for verdict in check(history))
    assert {lock for property, lock in judged if property == "mutual-exclusion"} == turns.keys()


def test_each_lock_guards_a_counter_of_its_own(play: Play) -> None:
    ledger = Ledger(dict(stakes({"locks": 3}).counters))  # type: ignore[arg-type]
    history = read(play(ledger))
    assert ledger.counters == {
        name: len(case.holds)
        for name, case in zip(("lock-1", "lock-2", "lock-3"), _by_name(cases(history)), strict=True)
    }


def _by_name(found: list[Any]) -> list[Any]:
    return sorted(found, key=lambda case: case.lock)


def test_a_single_lock_guards_the_ledgers_value() -> None:
    assert stakes({"locks": 1}).counters == stakes({"locks": 0}).counters == {}
