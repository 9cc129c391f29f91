"""Readers and writers of a read-write lock: who is asked for what, what the rows say of it, and who writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from client_bench import configured

from histories.decode import read_rows
from histories.rows import Call
from histories.spec import Spec
from histories.write import PartWriter
from nuclei.clients.control import Control
from nuclei.clients.recorder import Recorder
from nuclei.clients.session import Session
from nuclei.locks.base import Attempt, Grant, Lock, LockEntry
from nuclei.workloads.contend import DEFAULTS, Contend


class Counter:
    """A ledger in memory."""

    value = 0

    def read(self) -> int:
        return self.value

    def write(self, value: int, *rest: Any) -> None:
        self.value = value

    def close(self) -> None:
        """There is nothing to drop."""


class Open(Lock):
    """Lets everybody in, whatever they ask for."""

    asked: list[str] = []

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        self.asked.append(attempt.mode)
        return Grant()

    def release(self) -> None: ...

    def close(self) -> None:
        """There is nothing to drop."""


Play = Callable[..., list[Call]]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Run some rounds of the workload with a lock of a spec; the calls it recorded."""
    opened: list[tuple[Session, Recorder]] = []

    def run(spec: Spec, **params: Any) -> list[Call]:
        Open.asked = []
        recorder = Recorder(PartWriter(tmp_path / "c1.jsonl"), lambda report: None, live=False)
        entry = LockEntry(name="open", summary="", clusters=(), make=Open, spec=lambda settings: spec)
        session = Session(configured(tmp_path), entry, recorder, Control(lambda report: None), Counter())  # type: ignore[arg-type]
        opened.append((session, recorder))
        Contend({**DEFAULTS, "hold": 0.0, "think": 0.0, "rounds": 60, **params}).run(session)
        return [row for row in read_rows(tmp_path / "c1.jsonl", []) if isinstance(row, Call)]

    yield run
    for session, recorder in opened:
        session.close()
        recorder.close()


def test_a_mutex_is_never_asked_for_less_than_all_of_it(play: Play) -> None:
    calls = play(Spec(), read_share=1.0)
    assert {call.mode for call in calls} == set(Open.asked) == {"exclusive"}
    assert [call.op for call in calls].count("write") == 60


def test_readers_read_and_writers_write(play: Play) -> None:
    calls = play(Spec(read_write=True), read_share=0.5)
    modes = {call.attempt: call.mode for call in calls if call.op in {"acquire", "try"}}
    assert list(modes.values()) == Open.asked
    assert 15 < Open.asked.count("shared") < 45
    assert {call.attempt: call.mode for call in calls if call.op == "release"} == modes
    assert {call.attempt for call in calls if call.op == "read"} == set(modes)
    assert {call.attempt for call in calls if call.op == "write"} == {
        a for a, mode in modes.items() if mode != "shared"
    }


@pytest.mark.parametrize(("share", "mode"), [(0.0, "exclusive"), (1.0, "shared")])
def test_the_share_says_how_many_read(play: Play, share: float, mode: str) -> None:
    play(Spec(read_write=True), read_share=share)
    assert set(Open.asked) == {mode}
