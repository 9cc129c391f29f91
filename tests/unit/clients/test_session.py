"""The session in this process: which rows it writes in which case, and what it does after an indeterminate result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from client_bench import SCRIPTED, configured

from histories.read import read_rows
from histories.rows import AnyRow, Call, Client, Leave, Return, Told, Wake
from histories.spec import Spec
from histories.write import PartWriter
from nuclei.clients.control import Control
from nuclei.clients.protocol import Finish, Hold, Live, Report
from nuclei.clients.recorder import Recorder
from nuclei.clients.session import Session
from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockContext, LockEntry, Refused
from nuclei.locks.loading import load
from nuclei.workloads.contend import DEFAULTS, Contend


class Ledger:
    """What a ledger client looks like to a session."""

    def __init__(self) -> None:
        self.value: Any = 0
        self.writes: list[tuple[Any, ...]] = []
        self.mood = "ok"

    def read(self) -> Any:
        if self.mood == "mute":
            raise Indeterminate("no reply")
        return self.value

    def write(self, value: Any, *rest: Any) -> None:
        self.writes.append((value, *rest))
        if self.mood == "strict":
            raise Refused("rejected by the ledger: older than fencing token 9")
        self.value = value

    def close(self) -> None:
        pass


class Bench:
    """A session with a scripted lock, and what it wrote and said."""

    def __init__(self, directory: Path, entry: LockEntry | None = None, live: bool = True, **settings: Any) -> None:
        self.said: list[Report] = []
        self.control = Control(self.said.append)
        self.ledger = Ledger()
        self.path = directory / "c1.jsonl"
        self.recorder = Recorder(PartWriter(self.path), self.said.append, live=live)
        configure = configured(directory, **settings)
        self.session = Session(configure, entry or load(SCRIPTED), self.recorder, self.control, self.ledger)  # type: ignore[arg-type]

    def rows(self, *kinds: type) -> list[AnyRow]:
        return [row for row in read_rows(self.path, []) if not kinds or isinstance(row, kinds)]

    def returns(self) -> list[tuple[str, str, str]]:
        return [(row.op, row.attempt, row.outcome) for row in self.rows() if isinstance(row, Return)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**settings: Any) -> Bench:
        made.append(Bench(tmp_path, **settings))
        return made[-1]

    yield make
    for each in made:
        each.session.close()
        each.recorder.close()


def test_times_lie_directly_around_the_call_and_rows_are_on_disk_before_it(tmp_path: Path) -> None:
    seen: dict[str, int] = {}

    class Probe(Lock):
        def acquire(self, attempt: Attempt, limit: float) -> Grant:
            seen["rows"] = len(read_rows(tmp_path / "c1.jsonl", []))
            seen["entered"] = time.monotonic_ns()
            seen["left"] = time.monotonic_ns()
            return Grant(owner="o", fence=5, lease_until=77, depth=1)

        def release(self) -> None:
            seen["rows at release"] = len(read_rows(tmp_path / "c1.jsonl", []))

        def close(self) -> None:
            pass

    made = Bench(tmp_path, entry=LockEntry(name="p", summary="", clusters=(), make=Probe, spec=lambda s: Spec()))  # type: ignore[arg-type]
    made.session.acquire(1)
    made.session.release()
    called, came_back, *_ = made.rows()
    assert isinstance(came_back, Return)
    assert called.t <= seen["entered"] <= seen["left"] <= came_back.t
    assert came_back.t - seen["left"] < 200_000_000
    assert (seen["rows"], seen["rows at release"]) == (1, 3)
    assert (came_back.owner, came_back.fence, came_back.lease_until) == ("o", 5, 77)
    made.recorder.close()


def test_every_attempt_has_a_fresh_id_and_owner_value_known_before_the_call(bench: Callable[..., Bench]) -> None:
    made = bench()
    for _ in range(3):
        made.session.try_acquire()
        made.session.release()
    calls = [row for row in made.rows() if isinstance(row, Call) and row.op == "try"]
    assert [row.attempt for row in calls] == ["c1-1", "c1-2", "c1-3"]
    assert len({row.owner for row in calls}) == 3
    assert None not in {row.owner for row in calls}


def test_the_same_seed_draws_the_same_owner_values(tmp_path: Path) -> None:
    def owners(name: str) -> list[str | None]:
        (tmp_path / name).mkdir()
        made = Bench(tmp_path / name)
        for _ in range(3):
            made.session.try_acquire()
            made.session.release()
        made.recorder.close()
        return [row.owner for row in made.rows() if isinstance(row, Call) and row.op == "try"]

    assert owners("a") == owners("b")


def test_a_release_without_a_reply_is_repeated_once_and_the_client_retires(bench: Callable[..., Bench]) -> None:
    made = bench(releases="lost-done")
    made.session.acquire(1)
    made.session.release()
    assert made.session.doubtful
    made.session.settle()
    made.session.settle()
    assert made.returns() == [("acquire", "c1-1", "ok"), ("release", "c1-1", "info"), ("release", "c1-1", "fail")]
    assert made.session.client == "c1.2"
    assert made.rows(Leave) == []


def test_two_indeterminate_results_are_enough(bench: Callable[..., Bench]) -> None:
    made = bench(acquires="lost-unsent", releases="lost-unsent lost-unsent lost-unsent")
    assert made.session.acquire(1) is None
    made.session.settle()
    assert made.returns() == [("acquire", "c1-1", "info"), ("release", "c1-1", "info")]
    assert not made.session.doubtful
    assert [row.client for row in made.rows(Client)] == ["c1", "c1.2"]


def test_an_acquire_in_doubt_is_settled_first(bench: Callable[..., Bench]) -> None:
    made = bench(acquires="lost-done")
    made.session.acquire(1)
    assert made.session.acquire(1) is not None
    assert [op for op, *_ in made.returns()] == ["acquire", "release", "acquire"]
    assert made.session.last is not None
    assert (made.session.last.client, made.session.last.outcome) == ("c1.2", "ok")


def test_retiring_inside_is_leaving(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.session.acquire(1)
    made.session.retire("test")
    (leave,) = made.rows(Leave)
    assert isinstance(leave, Leave)
    assert (leave.client, leave.attempt, leave.why) == ("c1", "c1-1", "retired")
    assert not made.session.inside


def test_closing_inside_is_leaving(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.session.acquire(1)
    made.session.close()
    (leave,) = made.rows(Leave)
    assert isinstance(leave, Leave)
    assert leave.why == "abandoned"


def test_told_at_the_barrier_before_a_write_it_writes_nothing(talkative: tuple[Bench, list[LockContext]]) -> None:
    made, (context,) = talkative
    made.session.acquire(1)
    made.control.hear(Hold(point="before-write"))
    teller = threading.Timer(0.02, context.on_lost, ["SUSPENDED"])
    teller.start()
    assert not made.session.ledger_write(1)
    teller.join()
    assert made.ledger.writes == []


def test_an_acquire_waits_for_a_connection_within_its_limit(bench: Callable[..., Bench]) -> None:
    made = bench(unreachable=2)
    assert made.session.acquire(5) is not None
    assert made.returns() == [("acquire", "c1-1", "ok")]


def test_a_lock_that_cannot_connect_is_refused_with_nothing_asked(bench: Callable[..., Bench]) -> None:
    made = bench(unreachable=99)
    assert made.session.acquire(0.1) is None
    assert made.session.last is not None
    assert made.session.last.outcome == "fail"
    assert made.session.last.error == "not connected, so nothing was asked: nobody there"
    assert not made.session.doubtful


class Talkative(Lock):
    """Reports losses and wake-ups when a test says so."""

    contexts: list[LockContext]

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        type(self).contexts.append(context)

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        return Grant()

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def talkative(bench: Callable[..., Bench]) -> tuple[Bench, list[LockContext]]:
    Talkative.contexts = []
    entry = LockEntry(name="t", summary="", clusters=(), make=Talkative, spec=lambda s: Spec())  # type: ignore[arg-type]
    return bench(entry=entry), Talkative.contexts


def test_a_loss_is_told_once_and_only_while_it_matters(talkative: tuple[Bench, list[LockContext]]) -> None:
    made, (context,) = talkative
    context.on_lost("too early")
    made.session.acquire(1)
    assert not made.session.lost
    context.on_lost("SUSPENDED")
    context.on_lost("LOST")
    assert made.session.lost
    made.session.release()
    assert not made.session.lost
    context.on_lost("too late")
    made.session.acquire(1)
    assert not made.session.lost
    assert [(row.how, row.attempt) for row in made.rows() if isinstance(row, Told)] == [("SUSPENDED", "c1-1")]


def test_a_loss_after_the_inner_release_is_the_outer_holds_loss(talkative: tuple[Bench, list[LockContext]]) -> None:
    made, (context,) = talkative
    made.session.acquire(1)
    made.session.acquire(1)
    made.session.release()
    assert not made.session.lost
    context.on_lost("LOST")
    assert made.session.lost
    made.session.release()
    assert [row.attempt for row in made.rows() if isinstance(row, Told)] == ["c1-1"]


def test_a_retired_lock_has_no_say_any_more(talkative: tuple[Bench, list[LockContext]]) -> None:
    made, contexts = talkative
    made.session.retire("test")
    made.session.acquire(1)
    contexts[0].on_lost("from the past")
    contexts[0].on_wake("from the past")
    assert made.rows(Told, Wake) == []
    contexts[1].on_wake("now")
    contexts[1].on_lost("now")
    assert [type(row) for row in made.rows(Told, Wake)] == [Wake, Told]


def test_sleep_ends_with_the_loss_and_with_the_end(talkative: tuple[Bench, list[LockContext]]) -> None:
    made, (context,) = talkative
    began = time.monotonic()
    made.session.acquire(1)
    context.on_lost("SUSPENDED")
    made.session.sleep(30)
    made.session.release()
    made.control.hear(Finish())
    made.session.sleep(30)
    assert time.monotonic() - began < 5


def test_ledger_writes_carry_the_fencing_token_and_the_rejection(bench: Callable[..., Bench]) -> None:
    made = bench()
    grant = made.session.acquire(1)
    assert grant is not None
    assert made.session.ledger_read() == 0
    assert made.session.ledger_write(1)
    made.ledger.mood = "strict"
    assert not made.session.ledger_write(2)
    assert made.ledger.writes == [(1, grant.fence, "c1-1", "c1", "k"), (2, grant.fence, "c1-1", "c1", "k")]
    last = made.session.last
    assert last is not None
    assert (last.op, last.outcome, last.error) == (
        "write",
        "fail",
        "rejected by the ledger: older than fencing token 9",
    )
    call = made.rows(Call)[-1]
    assert isinstance(call, Call)
    assert (call.value, call.fence) == (2, grant.fence)


def test_without_live_only_identities_are_sent(bench: Callable[..., Bench]) -> None:
    made = bench(live=False)
    made.session.acquire(1)
    made.session.retire("test")
    rows = [msgspec.json.decode(said.line)["row"] for said in made.said if isinstance(said, Live)]
    assert rows == ["client", "client"]


def test_only_what_the_runner_acts_on_is_sent_at_once(tmp_path: Path) -> None:
    at_once: list[Report] = []
    later: list[Report] = []
    recorder = Recorder(PartWriter(tmp_path / "c1.jsonl"), at_once.append, live=True, later=later.append)
    session = Session(configured(tmp_path), load(SCRIPTED), recorder, Control(at_once.append), Ledger())  # type: ignore[arg-type]
    session.acquire(1)
    session.ledger_write(1)
    session.release()
    session.close()
    recorder.close()

    def said(reports: list[Report]) -> list[tuple[str, str]]:
        rows = [msgspec.json.decode(report.line) for report in reports if isinstance(report, Live)]
        return [(row["row"], row["op"]) for row in rows]

    assert said(at_once) == [("return", "acquire"), ("call", "release")]
    assert said(later) == [("call", "acquire"), ("call", "write"), ("return", "write"), ("return", "release")]


def contend(made: Bench, **params: Any) -> None:
    Contend({**DEFAULTS, "hold": 0.001, "think": 0.0, "try_share": 0.0, "rounds": 1, **params}).run(made.session)


def test_contend_raises_the_counter_inside(bench: Callable[..., Bench]) -> None:
    made = bench()
    contend(made, rounds=3, writes=2)
    assert made.ledger.value == 6
    assert [op for op, *_ in made.returns()] == ["acquire", "read", "write", "read", "write", "release"] * 3


def test_contend_writes_nothing_it_could_not_read(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.ledger.mood = "mute"
    contend(made)
    assert [(op, outcome) for op, _, outcome in made.returns()] == [
        ("acquire", "ok"),
        ("read", "info"),
        ("release", "ok"),
    ]


def test_contend_writes_nothing_once_told(bench: Callable[..., Bench]) -> None:
    made = bench(acquires="soon-lost")
    contend(made, hold=20.0)
    assert [op for op, *_ in made.returns()] == ["acquire", "read", "release"]
    assert [row.why for row in made.rows() if isinstance(row, Leave)] == ["told"]


def test_contend_told_before_it_began_touches_nothing(tmp_path: Path) -> None:
    class Fleeting(Talkative):
        def acquire(self, attempt: Attempt, limit: float) -> Grant:
            self.context.on_lost("SUSPENDED")
            return Grant()

    Fleeting.contexts = []
    made = Bench(tmp_path, entry=LockEntry(name="f", summary="", clusters=(), make=Fleeting, spec=lambda s: Spec()))  # type: ignore[arg-type]
    contend(made)
    assert [op for op, *_ in made.returns()] == ["acquire", "release"]
    assert [row.why for row in made.rows() if isinstance(row, Leave)] == ["told"]
    made.recorder.close()


@pytest.mark.parametrize(("heed", "ops"), [(True, ["read"]), (False, ["read", "write"])])
def test_contend_heeds_its_deadline_only_where_asked(tmp_path: Path, heed: bool, ops: list[str]) -> None:
    class Brief(Talkative):
        def acquire(self, attempt: Attempt, limit: float) -> Grant:
            return Grant(lease_until=time.monotonic_ns() + 1_000_000)

    Brief.contexts = []
    made = Bench(tmp_path, entry=LockEntry(name="b", summary="", clusters=(), make=Brief, spec=lambda s: Spec()))  # type: ignore[arg-type]
    contend(made, heed_deadline=heed, hold=0.01)
    assert [op for op, *_ in made.returns()] == ["acquire", *ops, "release"]
    assert [row.why for row in made.rows() if isinstance(row, Leave)] == (["deadline"] if heed else [])
    made.recorder.close()
