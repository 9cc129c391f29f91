"""``contend`` with ``reenter``: some holds take the lock once more, and every grant is given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from client_bench import configured

from histories.decode import read_rows
from histories.rows import Leave, Return
from histories.spec import Spec
from histories.write import PartWriter
from nuclei.clients.control import Control
from nuclei.clients.recorder import Recorder
from nuclei.clients.session import Session
from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockEntry, Refused
from nuclei.workloads.contend import DEFAULTS, Contend


class Deep(Lock):
    """Lets its holder in again and again. ``fails``: what the n-th call raises, counted from 1 over all instances."""

    depth = 0
    calls = 0
    fails: dict[int, Exception] = {}
    loses_at = 0

    def _count(self) -> None:
        Deep.calls += 1
        if Deep.calls == Deep.loses_at:
            self.context.on_lost("gone")
        if Deep.calls in Deep.fails:
            raise Deep.fails[Deep.calls]

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        self._count()
        Deep.depth += 1
        return Grant(depth=Deep.depth)

    def release(self) -> None:
        self._count()
        Deep.depth -= 1

    def close(self) -> None:
        """There is nothing to drop."""


Play = Callable[..., list[tuple[str, str, str]]]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Run the workload; what each call came to, without the ledger's."""
    opened: list[tuple[Session, Recorder]] = []

    def run(fails: dict[int, Exception] | None = None, loses_at: int = 0, **params: Any) -> list[tuple[str, str, str]]:
        Deep.depth, Deep.calls, Deep.fails, Deep.loses_at = 0, 0, fails or {}, loses_at
        recorder = Recorder(PartWriter(tmp_path / "c1.jsonl"), lambda report: None, live=False)
        entry = LockEntry(name="deep", summary="", clusters=(), make=Deep, spec=lambda settings: Spec())  # type: ignore[arg-type]
        session = Session(configured(tmp_path), entry, recorder, Control(lambda report: None), None)
        opened.append((session, recorder))
        fast = {"hold": 0.001, "think": 0.0, "try_share": 0.0, "rounds": 1, "reenter": 1.0}
        Contend({**DEFAULTS, **fast, **params}).run(session)
        rows = read_rows(tmp_path / "c1.jsonl", [])
        return [(row.op, row.client, row.outcome) for row in rows if isinstance(row, Return)]

    yield run
    for session, recorder in opened:
        session.close()
        recorder.close()


def test_nobody_re_enters_unless_asked_to(play: Play) -> None:
    assert DEFAULTS["reenter"] == 0.0
    assert [op for op, *_ in play(reenter=0.0, rounds=2)] == ["acquire", "release"] * 2


def test_what_was_taken_twice_is_given_back_twice(play: Play) -> None:
    assert [op for op, *_ in play(rounds=2)] == ["acquire", "acquire", "release", "release"] * 2
    assert Deep.depth == 0


def test_a_share_of_the_holds_re_enters(play: Play) -> None:
    acquires = [op for op, *_ in play(reenter=0.5, rounds=40)].count("acquire")
    assert 45 < acquires < 75


def test_a_lock_that_does_not_let_its_holder_in_again_is_held_on(play: Play) -> None:
    calls = play(fails={2: Refused("busy")})
    assert calls == [("acquire", "c1", "ok"), ("acquire", "c1", "fail"), ("release", "c1", "ok")]


def test_an_inner_acquire_of_unknown_effect_ends_the_hold(play: Play) -> None:
    calls = play(fails={2: Indeterminate("no reply")})
    assert calls == [("acquire", "c1", "ok"), ("acquire", "c1", "info"), ("release", "c1", "ok")]


def test_an_inner_release_of_unknown_effect_ends_the_hold(play: Play) -> None:
    calls = play(fails={3: Indeterminate("no reply")})
    assert [(op, outcome) for op, _, outcome in calls[2:]] == [("release", "info"), ("release", "ok")]


def test_told_of_its_loss_inside_it_gives_back_both(play: Play, tmp_path: Path) -> None:
    calls = play(loses_at=2)
    assert [op for op, *_ in calls] == ["acquire", "acquire", "release", "release"]
    left = [row.why for row in read_rows(tmp_path / "c1.jsonl", []) if isinstance(row, Leave)]
    assert left == ["told"]
