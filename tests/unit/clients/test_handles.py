"""One session, several locks: each has a handle of its own, all under one identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from client_bench import configured

from histories.decode import read_rows
from histories.rows import AnyRow, Client, Leave, Return, Told
from histories.spec import Spec
from histories.write import PartWriter
from nuclei.clients.control import Control
from nuclei.clients.recorder import Recorder
from nuclei.clients.session import Session
from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockContext, LockEntry, LockError


class Keyed(Lock):
    """Grants everything with a token of its key. ``fails``: (key, call) → what that call raises, once."""

    fails: dict[tuple[str, str], LockError] = {}
    made: list[LockContext] = []

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self.made.append(context)

    def _call(self, name: str) -> None:
        failure = self.fails.pop((self.context.key, name), None)
        if failure is not None:
            raise failure

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        self._call("acquire")
        return Grant(fence=len(self.context.key))

    def release(self) -> None:
        self._call("release")

    def close(self) -> None:
        """There is nothing to drop."""


class Ledger:
    """Takes down what was written under which lock."""

    def __init__(self) -> None:
        self.writes: list[tuple[Any, ...]] = []

    def read(self) -> int:
        return 0

    def write(self, *words: Any) -> None:
        self.writes.append(words)

    def close(self) -> None:
        """There is nothing to drop."""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    Keyed.fails, Keyed.made = {}, []
    recorder = Recorder(PartWriter(tmp_path / "c1.jsonl"), lambda report: None, live=False)
    entry = LockEntry(name="keyed", summary="", clusters=(), make=Keyed, spec=lambda s: Spec())  # type: ignore[arg-type]
    session = Session(configured(tmp_path), entry, recorder, Control(lambda report: None), Ledger())  # type: ignore[arg-type]
    yield session
    session.close()
    recorder.close()


@pytest.fixture
def rows(tmp_path: Path) -> Callable[..., list[AnyRow]]:
    return lambda *kinds: [row for row in read_rows(tmp_path / "c1.jsonl", []) if isinstance(row, kinds)]


def calls(rows: list[AnyRow]) -> list[tuple[str, str, str, str]]:
    return [(row.op, row.lock, row.attempt, row.outcome) for row in rows if isinstance(row, Return)]


def test_the_trials_lock_is_the_handle_that_the_session_asks_by_itself(session: Session) -> None:
    assert session.on("k") is session.on("k")
    session.acquire(1)
    assert session.on("k").inside
    assert session.grant == session.on("k").grant


def test_two_locks_are_held_at_once_and_given_back_in_any_order(session: Session, rows: Any) -> None:
    first, second = session.on("north"), session.on("south-east")
    first.acquire(1)
    second.acquire(1)
    assert (first.inside, second.inside, session.inside) == (True, True, False)
    first.release()
    assert (first.inside, second.inside) == (False, True)
    second.release()
    assert calls(rows(Return)) == [
        ("acquire", "north", "c1-1", "ok"),
        ("acquire", "south-east", "c1-2", "ok"),
        ("release", "north", "c1-1", "ok"),
        ("release", "south-east", "c1-2", "ok"),
    ]


def test_a_write_carries_the_token_and_the_attempt_of_its_lock(session: Session) -> None:
    first, second = session.on("north"), session.on("south-east")
    first.acquire(1)
    second.acquire(1)
    first.ledger_write(7)
    second.ledger_write(8)
    assert session.ledger.writes == [(7, 5, "c1-1", "c1", "north"), (8, 10, "c1-2", "c1", "south-east")]  # type: ignore[attr-defined]


def test_a_loss_is_told_of_one_lock_and_wakes_the_session(session: Session, rows: Any) -> None:
    first, second = session.on("north"), session.on("south-east")
    first.acquire(1)
    second.acquire(1)
    next(context for context in Keyed.made if context.key == "north").on_lost("LOST")
    assert (first.lost, second.lost, session.lost) == (True, False, True)
    assert not first.ledger_write(1)
    assert second.ledger_write(1)
    first.release()
    second.release()
    assert [(row.lock, row.attempt) for row in rows(Told)] == [("north", "c1-1")]
    assert [(row.lock, row.why) for row in rows(Leave)] == [("north", "told")]


def test_a_doubt_about_one_lock_gives_back_the_others_before_the_identity_ends(session: Session, rows: Any) -> None:
    first, second = session.on("north"), session.on("south-east")
    first.acquire(1)
    Keyed.fails = {("south-east", "acquire"): Indeterminate("no reply")}
    second.acquire(1)
    session.settle()
    assert calls(rows(Return))[2:] == [("release", "north", "c1-1", "ok"), ("release", "south-east", "c1-2", "ok")]
    assert (session.client, rows(Leave)) == ("c1.2", [])
    assert first.acquire(1) is not None
    assert (first.session.last.client, len(Keyed.made)) == ("c1.2", 4)  # type: ignore[union-attr]


def test_doubts_about_two_locks_are_both_repeated_and_end_one_identity(session: Session, rows: Any) -> None:
    first, second = session.on("north"), session.on("south-east")
    first.acquire(1)
    second.acquire(1)
    Keyed.fails = {(key, "release"): Indeterminate("no reply") for key in ("north", "south-east")}
    first.release()
    second.release()
    session.settle()
    assert [(row[0], row[1], row[3]) for row in calls(rows(Return))[2:]] == [
        ("release", "north", "info"),
        ("release", "south-east", "info"),
        ("release", "north", "ok"),
        ("release", "south-east", "ok"),
    ]
    assert [row.client for row in rows(Client)] == ["c1", "c1.2"]


def test_retiring_is_leaving_every_lock(session: Session, rows: Any) -> None:
    for key in ("north", "south-east"):
        session.on(key).acquire(1)
    session.retire("test")
    assert [(row.lock, row.why) for row in rows(Leave)] == [("north", "retired"), ("south-east", "retired")]
