"""Locks on real PostgreSQL servers: a session's lock goes with its session, a row's with its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.rows import Fault, Return, Told
from histories.vocabulary import ACQUIRES

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

SESSION = "postgres-advisory@postgres"
ROW = "postgres-row@postgres"
BRIEF = {"trial.work": 0.5}


@pytest.mark.pause
def test_a_sessions_lock_outlasts_any_pause_of_its_holder(lockquake: Lockquake) -> None:
    """Of 4 s: keep-alives are asked after one second, and the kernel of a paused client answers."""
    lockquake.keeps(SESSION, "pause-client:for=4s", settings=BRIEF)


@pytest.mark.pause
def test_a_session_that_the_server_ends_when_idle_is_a_lease(lockquake: Lockquake) -> None:
    idle = BRIEF | {"lock.idle_session": 1.0}
    lockquake.shows(
        SESSION,
        "pause-client:for=2x",
        kind="overstay",
        cause="session-end",
        settings=idle | {"trial.until_violation": True},
    )


@pytest.mark.kill
def test_a_restart_ends_the_session_and_its_holder_hears_of_it(lockquake: Lockquake) -> None:
    """Killed right after a grant: the observer polls, and may not have seen that session yet."""
    result = lockquake.keeps(SESSION, "kill-node:for=0.3s", settings=BRIEF)
    assert rows_of(result, Told)


@pytest.mark.kill
def test_a_holder_that_never_looks_stays_when_the_server_came_back_without_its_session(lockquake: Lockquake) -> None:
    """The kill comes halfway through its hold, the rest of which is longer than a restart takes (0.4 s, 2 s on a busy
    machine)."""
    long = {"workload.hold": 5.0, "workload.writes": 2, "workload.limit": 8.0, "workload.try_share": 0.0}
    deaf = BRIEF | long | {"lock.heartbeat": 0.0, "trial.until_violation": True}
    killed = "kill-node:at=before-write,for=50ms"
    lockquake.shows(SESSION, killed, kind="overstay", cause="session-end", settings=deaf, clients=2)


@pytest.mark.partition
def test_a_holder_that_is_cut_off_keeps_everybody_out_until_the_heal(lockquake: Lockquake) -> None:
    """The proxy answers the server's keep-alives in its place, as any middle box does."""
    result = lockquake.run(SESSION, "partition:side=client,for=5s", settings=BRIEF)
    judged = {verdict.property: verdict.validity for verdict in result.verdicts}
    assert judged["mutual-exclusion"] == judged["lease"] == "valid"
    assert rows_of(result, Told)
    cut, healed = (row.t for row in rows_of(result, Fault) if row.state in {"proven", "heal-asked"})
    granted = [row.t for row in rows_of(result, Return) if row.op in ACQUIRES and row.outcome == "ok"]
    assert not [t for t in granted if cut < t < healed]


@pytest.mark.kill
def test_a_row_survives_a_restart(lockquake: Lockquake) -> None:
    """Killed halfway through a hold, it keeps everybody else out until its holder gives it back or its time is up."""
    held = {"lock.ttl": 6.0, "workload.hold": 1.0, "workload.writes": 2, "workload.limit": 8.0}
    lockquake.keeps(ROW, "kill-node:at=before-write,for=50ms", settings=BRIEF | held)


@pytest.mark.pause
def test_a_rows_holder_paused_beyond_its_lease_is_overstayed(lockquake: Lockquake) -> None:
    lockquake.shows(
        ROW, "pause-client:for=2x", kind="overstay", cause="lease-ran-out", settings=BRIEF | {"lock.ttl": 1.0}
    )
