"""``contend`` with ``renew``: a holder prolongs its lease while it stays, and leaves when that fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_bench import configured

from histories.decode import read_rows
from histories.rows import AnyRow, Leave, Return
from histories.spec import Spec
from histories.write import PartWriter
from nuclei.clients.control import Control
from nuclei.clients.protocol import At, Go, Hold, Report
from nuclei.clients.recorder import Recorder
from nuclei.clients.session import Session
from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockEntry, LockError, Refused
from nuclei.workloads.contend import DEFAULTS, Contend


class Renewable(Lock):
    """Grants with token 9. ``fails``: the n-th renewal, counted from 1, raises this; ``loses_at``: reports a loss."""

    renewals = 0
    fails: dict[int, LockError] = {}
    loses_at = 0

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        return Grant(owner=attempt.owner, fence=9, lease_until=1)

    def renew(self) -> Grant:
        Renewable.renewals += 1
        number = Renewable.renewals
        if number == self.loses_at:
            self.context.on_lost("LOST")
        if number in self.fails:
            raise self.fails[number]
        return Grant(lease_until=1000 + number)

    def release(self) -> None: ...

    def close(self) -> None:
        """There is nothing to drop."""


class Bench:
    """A session with that lock, without a ledger."""

    def __init__(self, directory: Path) -> None:
        self.said: list[Report] = []
        self.control = Control(self._say)
        self.standing = threading.Event()
        self.path = directory / "c1.jsonl"
        self.recorder = Recorder(PartWriter(self.path), self.said.append, live=False)
        entry = LockEntry(name="r", summary="", clusters=(), make=Renewable, spec=lambda settings: Spec())
        self.session = Session(configured(directory), entry, self.recorder, self.control, None)

    def _say(self, report: Report) -> None:
        self.said.append(report)
        if isinstance(report, At):
            self.standing.set()

    def contend(self, **params: Any) -> list[tuple[str, str]]:
        """One round; what each call came to."""
        quick = {"think": 0.0, "try_share": 0.0, "rounds": 1, "hold_shape": "constant"}
        Contend({**DEFAULTS, **quick, **params}).run(self.session)
        return [(row.op, row.outcome) for row in self.rows(Return)]

    def rows(self, *kinds: type) -> list[AnyRow]:
        return [row for row in read_rows(self.path, []) if isinstance(row, kinds)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    Renewable.renewals, Renewable.fails, Renewable.loses_at = 0, {}, 0
    made = Bench(tmp_path)
    yield made
    made.session.close()
    made.recorder.close()


def test_nobody_renews_unless_asked_to(bench: Bench) -> None:
    assert DEFAULTS["renew"] == 0.0
    assert bench.contend(hold=0.01) == [("acquire", "ok"), ("release", "ok")]


def test_a_holder_renews_again_and_again_and_keeps_its_token(bench: Bench) -> None:
    calls = bench.contend(hold=0.5, renew=0.02)
    assert calls[0] == ("acquire", "ok")
    assert calls[-1] == ("release", "ok")
    assert set(calls[1:-1]) == {("renew", "ok")}
    assert 2 <= len(calls[1:-1]) <= 25
    assert (bench.session.grant.fence, bench.session.grant.lease_until) == (9, 1000 + Renewable.renewals)


@pytest.mark.parametrize(
    ("failure", "outcome", "why"), [(Refused("gone"), "fail", "told"), (Indeterminate("no reply"), "info", "abandoned")]
)
def test_a_renewal_that_fails_makes_it_leave(bench: Bench, failure: LockError, outcome: str, why: str) -> None:
    Renewable.fails = {2: failure}
    calls = bench.contend(hold=20.0, renew=0.01)
    assert calls == [("acquire", "ok"), ("renew", "ok"), ("renew", outcome), ("release", "ok")]
    assert [row.why for row in bench.rows(Leave)] == [why]


def test_who_does_not_look_stays(bench: Bench) -> None:
    Renewable.fails = {1: Refused("gone")}
    calls = bench.contend(hold=0.2, renew=0.05, heed_renewal=False)
    assert calls[1] == ("renew", "fail")
    assert calls[-1] == ("release", "ok")
    assert bench.rows(Leave) == []


def test_a_loss_ends_the_stay_before_the_next_renewal(bench: Bench) -> None:
    Renewable.loses_at = 1
    assert bench.contend(hold=20.0, renew=0.01) == [("acquire", "ok"), ("renew", "ok"), ("release", "ok")]
    assert [row.why for row in bench.rows(Leave)] == ["told"]


def test_it_can_be_held_before_a_renewal(bench: Bench) -> None:
    bench.control.hear(Hold(point="before-renew"))
    working = threading.Thread(target=bench.contend, kwargs={"hold": 0.03, "renew": 0.01})
    working.start()
    assert bench.standing.wait(10)
    time.sleep(0.02)
    assert Renewable.renewals == 0
    bench.control.hear(Go())
    working.join(10)
    assert not working.is_alive()
    (at,) = [said for said in bench.said if isinstance(said, At)]
    assert (at.point, at.attempt) == ("before-renew", "c1-1")
