"""The textbook locks on ZooKeeper: what each keeps (controls, one trial) and what breaks it (demonstrations).

All on one ensemble with short sessions, so that losing one is waited for briefly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from deaf_sequencer import DeafSequencer
from trial_rows import rows_of

from histories.rows import Client, Return, Server
from histories.vocabulary import ACQUIRES

if TYPE_CHECKING:
    from checker.verdict import Verdict
    from lockquake.testing import Lockquake, TrialResult

SESSION = {"cluster.session": 2.0, "trial.work": 1.0}
CUT_OFF = "partition:side=client,for=1.75x"
QUEUE = {**SESSION, "trial.work": 1.5, "lock.judge_queue": True, "workload.try_share": 0.0}
"""Held to a queue's promises, by clients that never give up: who gives up wakes somebody, too."""
CROWD = 6
PAUSED = "pause-client:for=2x,at=before-write"
DELAY = 2.0
SEEN_LATE = 0.5
"""Seconds by which an observer may see a session's end late."""


def verdicts(result: TrialResult) -> dict[str, Verdict]:
    """By property."""
    return {verdict.property: verdict for verdict in result.verdicts}


def test_the_sequential_lock_lets_its_holder_in_again(lockquake: Lockquake) -> None:
    settings = {**SESSION, "lock.reentry": 2, "workload.reenter": 0.5}
    judged = verdicts(lockquake.keeps("zk-sequential@zookeeper", settings=settings))
    assert judged["re-entry"].figures["deepest"] == 2


def test_the_sequential_lock_is_a_queue_that_wakes_one_per_release(lockquake: Lockquake) -> None:
    judged = verdicts(lockquake.keeps("zk-sequential@zookeeper", settings=QUEUE, clients=CROWD))
    assert judged["herd"].figures["max_woken"] == 1
    assert judged["fairness"].figures["overtakes"] == 0


@pytest.mark.partition
def test_the_sequential_lock_is_left_by_a_holder_that_hears_it_is_cut_off(lockquake: Lockquake) -> None:
    lockquake.keeps("zk-sequential@zookeeper", CUT_OFF, settings=SESSION)


def test_the_persistent_lock_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps("zk-persistent@zookeeper", settings=SESSION)


@pytest.mark.kill
def test_the_persistent_lock_is_blocked_for_ever_by_a_dead_holder(lockquake: Lockquake) -> None:
    settings = {**SESSION, "trial.quiet": 0.5, "workload.limit": 0.5}
    verdict = lockquake.shows("zk-persistent@zookeeper", "kill-client", settings=settings, property="recovery")
    assert verdict.kind == "never-came-back"


def test_the_exclusive_lock_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps("zk-exclusive@zookeeper", settings=SESSION)


def test_the_exclusive_lock_wakes_a_herd_and_lets_waiters_be_overtaken(lockquake: Lockquake) -> None:
    judged = verdicts(lockquake.run("zk-exclusive@zookeeper", settings=QUEUE, clients=CROWD))
    assert judged["herd"].kind == "herd"
    assert judged["herd"].figures["max_woken"] == CROWD - 1
    assert judged["fairness"].kind == "overtaken"
    assert judged["mutual-exclusion"].validity == "valid"


def test_the_deaf_lock_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps("zk-sequential-deaf@zookeeper", settings=SESSION)


@pytest.mark.partition
def test_the_deaf_lock_is_overstayed_by_a_holder_that_is_cut_off(lockquake: Lockquake) -> None:
    verdict = lockquake.shows("zk-sequential-deaf@zookeeper", CUT_OFF, settings=SESSION, kind="overstay")
    assert verdict.cause == "session-end"


def test_the_sequencer_lock_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps("chubby-sequencer@zookeeper", settings=SESSION)


@pytest.mark.pause
def test_the_sequencer_keeps_late_writes_out_although_holders_meet(lockquake: Lockquake) -> None:
    settings = {**SESSION, "lock.lock_delay": 0.5}
    judged = verdicts(lockquake.run(DeafSequencer, PAUSED, on="zookeeper", settings=settings))
    assert (judged["mutual-exclusion"].kind, judged["mutual-exclusion"].cause) == ("overstay", "session-end")
    assert judged["lease"].validity == judged["fencing-at-ledger"].validity == "valid"
    assert judged["fencing-at-ledger"].figures["writes_rejected"] == 1


@pytest.mark.kill
def test_after_a_holders_failure_nobody_enters_before_the_lock_delay(lockquake: Lockquake) -> None:
    settings = {**SESSION, "lock.lock_delay": DELAY, "workload.limit": 2 * DELAY}
    result = lockquake.keeps("chubby-sequencer@zookeeper", "kill-client", settings=settings)
    failed = min(row.t for row in rows_of(result, Server) if row.reason == "session-end")
    killed = next(row.t for row in rows_of(result, Client) if row.state == "killed" and row.why == "fault")
    granted = [row.t for row in rows_of(result, Return) if row.op in ACQUIRES and row.outcome == "ok"]
    assert min(t for t in granted if t > killed) - failed >= (DELAY - SEEN_LATE) * 1e9
