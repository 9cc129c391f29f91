"""kazoo's recipes on real servers: who may be inside together, and what a holder that is cut off hears.

On the ensemble of the other ZooKeeper locks, whose sessions are short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.rows import Call, Leave, Ledger, Server

if TYPE_CHECKING:
    from checker.verdict import Verdict
    from lockquake.testing import Lockquake, TrialResult

SESSION = {"cluster.session": 2.0, "trial.work": 1.0}
CUT_OFF = "partition:side=client,for=1.75x"
PERMITS = 2


def exclusion(result: TrialResult) -> Verdict:
    return next(verdict for verdict in result.verdicts if verdict.property == "mutual-exclusion")


def test_the_lock_without_faults(lockquake: Lockquake) -> None:
    """What it hands out is what the observer saw, so that a violation could be explained."""
    result = lockquake.keeps("kazoo-lock@zookeeper", settings=SESSION)
    judged = {verdict.property: verdict for verdict in result.verdicts}
    assert judged["fencing-at-grant"].validity == "valid"
    assert any(str(row.owner).endswith("__lock__") for row in rows_of(result, Server))


@pytest.mark.partition
def test_the_lock_is_left_by_a_holder_that_listens(lockquake: Lockquake) -> None:
    result = lockquake.keeps("kazoo-lock@zookeeper", CUT_OFF, settings=SESSION)
    assert "told" in {row.why for row in rows_of(result, Leave)}


@pytest.mark.partition
def test_the_lock_is_overstayed_by_a_holder_that_does_not_listen(lockquake: Lockquake) -> None:
    verdict = lockquake.shows("kazoo-lock@zookeeper", CUT_OFF, settings={**SESSION, "lock.listen": False})
    assert (verdict.kind, verdict.cause) == ("overstay", "session-end")


def test_readers_are_inside_together_and_writers_alone(lockquake: Lockquake) -> None:
    """Enough holds on a busy machine, too, for two readers to be inside at once, and a writer some time."""
    settings = {**SESSION, "trial.work": 2.0, "workload.read_share": 0.6, "workload.hold": 0.1}
    result = lockquake.keeps("kazoo-read-write@zookeeper", settings=settings, clients=4)
    verdict = exclusion(result)
    assert verdict.sentence.startswith("never a writer and anybody else inside")
    assert int(verdict.figures["most_inside"]) > 1
    asked = {row.attempt: row.mode for row in rows_of(result, Call)}
    assert {asked[row.attempt] for row in rows_of(result, Ledger)} == {"exclusive"}


def test_no_more_are_inside_than_the_semaphore_has_permits(lockquake: Lockquake) -> None:
    result = lockquake.keeps("kazoo-semaphore@zookeeper", settings={**SESSION, "lock.max_leases": PERMITS}, clients=4)
    assert exclusion(result).figures["most_inside"] == PERMITS


@pytest.mark.pause
def test_a_permit_is_overstayed_by_a_holder_that_was_paused(lockquake: Lockquake) -> None:
    """The others go on as they should, and the one whose session ended is named."""
    settings = {**SESSION, "workload.hold": 0.2}
    verdict = lockquake.shows("kazoo-semaphore@zookeeper", "pause-client:for=2x", settings=settings, clients=4)
    assert (verdict.kind, verdict.cause) == ("overstay", "session-end")
    assert f"3 of {PERMITS} permits" in verdict.sentence
