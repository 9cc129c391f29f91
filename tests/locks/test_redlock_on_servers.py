"""``redlock`` on five real masters: what one of them may do without harm, and what it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.rows import Fault, Return, Server
from nuclei.clusters.observers.majority import MAJORITY

if TYPE_CHECKING:
    from lockquake.testing import Lockquake
    from lockquake.trial import TrialResult

NUCLEUS = "redlock@redis-masters"
THREE_OF_FIVE = "partition:side=client,how=close,target=c1,from=redis-4+redis-5,client=c2,at=before-release,for=200ms"
"""c1, which waits while c2 gives the lock back, is given it by redis-1 to redis-3 alone."""
STAYING = {"workload.writes": 2, "workload.limit": 10.0, "workload.try_share": 0.0, "trial.work": 1.0}
"""The next fault comes halfway through c1's hold, when it can reach everybody again."""


def majority_at_the_kill(result: TrialResult) -> set[str]:
    """The masters that, as observers saw them, held the lock together when redis-3 was killed."""
    [killed] = [row.t for row in rows_of(result, Fault) if (row.name, row.state) == ("kill-node", "asked")]
    held: dict[str, str | None] = {}
    for row in rows_of(result, Server):
        if row.t < killed and row.event == "began":
            held[row.node] = row.owner
        elif row.t < killed and row.event == "ended":
            held.pop(row.node, None)
    owner = held.pop(MAJORITY)
    return {node for node, value in held.items() if value == owner}


def test_keeps_two_clients_apart_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, settings={"trial.work": 0.6})


@pytest.mark.kill
def test_stays_available_while_one_master_is_down(lockquake: Lockquake) -> None:
    result = lockquake.keeps(
        NUCLEUS, "kill-node:target=redis-3,at=100ms,for=700ms", settings={"lock.ttl": 2.0, "trial.work": 0.6}
    )
    down, up = (row.t for row in rows_of(result, Fault) if row.state in {"proven", "heal-asked"})
    granted = [row for row in rows_of(result, Return) if row.op in {"acquire", "try"} and row.outcome == "ok"]
    assert len([row for row in granted if down < row.t < up]) > 3


@pytest.mark.kill
def test_a_master_that_comes_back_empty_lets_the_next_one_in(lockquake: Lockquake) -> None:
    """Amnesia: c1 holds redis-1 to redis-3; redis-3 forgets, and c2 is given redis-3 to redis-5."""
    lockquake.shows(
        NUCLEUS,
        [THREE_OF_FIVE, "kill-node:target=redis-3,client=c1,at=before-write,for=50ms"],
        kind="double-grant",
        cause="restart",
        clients=2,
        settings=STAYING
        | {"lock.ttl": 6.0, "workload.hold": 1.2, "workload.think": 0.3, "trial.until_violation": True},
    )


@pytest.mark.kill
def test_a_master_that_comes_back_empty_after_a_lease_does_no_harm(lockquake: Lockquake) -> None:
    """The same schedule, but for the delayed restart that the manual asks for."""
    result = lockquake.keeps(
        NUCLEUS,
        [THREE_OF_FIVE, "kill-node:target=redis-3,client=c1,at=before-write,for=1.2x"],
        clients=2,
        settings=STAYING | {"lock.ttl": 1.5, "workload.hold": 0.9, "workload.think": 0.3},
    )
    assert majority_at_the_kill(result) == {"redis-1", "redis-2", "redis-3"}


@pytest.mark.pause
def test_is_overstayed_by_a_holder_paused_beyond_its_lease(lockquake: Lockquake) -> None:
    lockquake.shows(
        NUCLEUS,
        "pause-client",
        kind="overstay",
        cause="lease-ran-out",
        settings={"lock.ttl": 0.6, "trial.work": 1.0},
    )
