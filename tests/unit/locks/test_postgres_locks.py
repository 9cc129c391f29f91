"""PostgreSQL locks on a session that a test plays: what they ask, how their calls end, what a holder hears."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nuclei.locks.base import Attempt, Endpoint, Indeterminate, LockContext, Refused, Surroundings
from nuclei.locks.postgres_advisory import PostgresAdvisory
from nuclei.locks.postgres_advisory import spec as advisory_spec
from nuclei.locks.postgres_row import PostgresRow
from nuclei.locks.postgres_row import spec as row_spec
from nuclei.locks.postgres_session import PostgresSession

FIRST = Attempt("a1", "owner-1")


class Played:
    """A session: ``answers`` are given in turn, exceptions raised; ``asked`` is what it was asked, with values."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked: list[tuple[str, float, dict[str, Any]]] = []
        self.living = True
        self.said = threading.Event()

    def ready(self) -> None:
        return

    def lives(self) -> bool:
        return self.living

    def ask(self, sql: str, wait: float = 0.0, **values: Any) -> list[list[Any]]:
        self.asked.append((" ".join(sql.split()), wait, values))
        self.said.set()
        answer = self.answers.pop(0) if self.answers else [[True]]
        if isinstance(answer, Exception):
            raise answer
        return list(answer)

    def close(self) -> None:
        return


def context(told: Callable[[str], None] = lambda how: None, **settings: float) -> LockContext:
    around = Surroundings(
        cluster="postgres",
        endpoints={"postgres-1": Endpoint("127.0.0.1", 1)},
        nodes={"postgres": ["postgres-1"]},
        settings={"ttl": 2.0, "op_timeout": 0.3, "retry": 0.01, **settings},
    )
    return LockContext(key="k", client="c1", surroundings=around, random=random.Random(1), on_lost=told)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def advisory(told: list[str]) -> Iterator[Callable[..., tuple[PostgresAdvisory, Played]]]:
    made: list[PostgresAdvisory] = []

    def make(**settings: float) -> tuple[PostgresAdvisory, Played]:
        lock, played = PostgresAdvisory(context(told.append, **settings)), Played()
        lock._session = played  # type: ignore[assignment]
        made.append(lock)
        return lock, played

    yield make
    for lock in made:
        lock.close()


Advisory = Callable[..., tuple[PostgresAdvisory, Played]]


def test_a_session_goes_by_the_owner_value_and_waits_on_the_server(advisory: Advisory) -> None:
    lock, played = advisory()
    assert lock.acquire(FIRST, 1.5).owner == "owner-1"
    named, waited = played.asked
    assert named[2] == {"owner": "owner-1", "limit": "1500ms"}
    assert waited[0] == "select pg_advisory_lock(:number)"
    assert 1.0 < waited[1] <= 1.5
    lock.release()
    assert played.asked[-1][0] == "select pg_advisory_unlock(:number)"


def test_what_is_busy_is_refused(advisory: Advisory) -> None:
    lock, played = advisory()
    played.answers = [[[None]], [[False]]]
    with pytest.raises(Refused, match="busy"):
        lock.try_acquire(FIRST)
    played.answers = [[[None]], Refused("55P03: canceling statement due to lock timeout")]
    with pytest.raises(Refused, match="55P03"):
        lock.acquire(FIRST, 0.5)


def test_its_holder_is_not_let_in_again(advisory: Advisory) -> None:
    lock, played = advisory()
    lock.try_acquire(FIRST)
    asked = len(played.asked)
    with pytest.raises(Refused, match="this very session"):
        lock.acquire(Attempt("a2", "owner-2"), 0.5)
    assert len(played.asked) == asked


def test_before_the_lock_was_asked_for_nothing_is_in_doubt(advisory: Advisory) -> None:
    lock, played = advisory()
    played.answers = [Indeterminate("no answer")]
    with pytest.raises(Refused, match="not asked for"):
        lock.try_acquire(FIRST)
    played.answers = [[[None]], Indeterminate("no answer")]
    with pytest.raises(Indeterminate):
        lock.try_acquire(FIRST)


def test_a_holder_hears_that_its_session_has_ended(advisory: Advisory, told: list[str]) -> None:
    lock, played = advisory(heartbeat=5.0)
    lock.try_acquire(FIRST)
    played.living = False
    wait_for(lambda: bool(told))
    assert len(told) == 1
    with pytest.raises(Refused, match="session has ended"):
        lock.release()


def test_a_holder_hears_that_nobody_answers_its_heartbeat(advisory: Advisory, told: list[str]) -> None:
    lock, played = advisory(heartbeat=0.02)
    lock.try_acquire(FIRST)
    wait_for(lambda: "select 1" in [sql for sql, _, _ in played.asked])
    played.answers = [Indeterminate("no answer")] * 100
    wait_for(lambda: bool(told))


def test_one_that_never_looks_hears_nothing(advisory: Advisory, told: list[str]) -> None:
    lock, played = advisory(heartbeat=0.0)
    lock.try_acquire(FIRST)
    played.living = False
    assert lock._watchdog is None
    assert told == []


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_how_long_a_silent_clients_session_lasts() -> None:
    assert advisory_spec({}).session_ns == 4_000_000_000
    assert advisory_spec({"keepalive": 2.0}).session_ns == 8_000_000_000
    assert advisory_spec({"idle_session": 1.5}).session_ns == 1_500_000_000


def test_a_row_is_taken_by_one_statement_with_its_counter_as_fencing_token() -> None:
    lock, played = PostgresRow(context()), Played()
    lock._session = played  # type: ignore[assignment]
    played.answers = [[[7]], [], [[7]], []]
    grant = lock.try_acquire(FIRST)
    assert (grant.owner, grant.fence) == ("owner-1", 7)
    assert played.asked[0][2] == {"name": "k", "owner": "owner-1", "lease": "2000 milliseconds"}
    with pytest.raises(Refused, match="busy"):
        lock.try_acquire(Attempt("a2", "owner-2"))
    lock.release()
    assert played.asked[-1][2] == {"name": "k", "owner": "owner-1"}
    with pytest.raises(Refused, match="not held"):
        lock.release()
    assert row_spec({"ttl": 2.0}).fenced


def test_no_server_and_a_silent_one_are_refusals() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])
        silent = PostgresSession(Endpoint("127.0.0.1", port), 0.2)
        with pytest.raises(Refused, match=f"no session with 127.0.0.1:{port}"):
            silent.ask("select 1")
    with pytest.raises(Refused, match="no session"):
        PostgresSession(Endpoint("127.0.0.1", port), 0.2).ready()
