"""Every workload on real servers: a lock that excludes lets no harm be done, a mutex of each process shows how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from checker.verdict import Verdict
    from lockquake.testing import Lockquake
    from lockquake.trial import TrialResult

SOUND = "redis-set-nx-px@redis-single"
UNGUARDED = "local@redis-single"
MANY: dict[str, Any] = {"clients": 6}
FEW = {"workload.requests": 40}


def verdict_of(result: TrialResult, property: str) -> Verdict:
    (found,) = (verdict for verdict in result.verdicts if verdict.property == property)
    return found


def test_red_packet_control(lockquake: Lockquake) -> None:
    found = verdict_of(lockquake.keeps(SOUND, workload="red-packet", settings=FEW, **MANY), "conservation")
    assert (found.figures["taken"], found.figures["over_by"], found.figures["books_off_by"]) == (1_000_000, 0, 0)
    assert found.tally == "paid 1,000,000 of 1,000,000"


def test_red_packet_demonstration(lockquake: Lockquake) -> None:
    found = lockquake.shows(UNGUARDED, workload="red-packet", property="conservation", settings=FEW, **MANY)
    over = int(found.figures["over_by"])
    assert over > 0
    assert f"of 1,000,000: overspent by {over:,}" in str(found.tally)


def test_flash_sale_control(lockquake: Lockquake) -> None:
    found = verdict_of(lockquake.keeps(SOUND, workload="flash-sale", settings=FEW, **MANY), "conservation")
    assert (found.tally, found.figures["over_by"], found.figures["books_off_by"]) == ("sold 100 of 100", 0, 0)


def test_flash_sale_demonstration(lockquake: Lockquake) -> None:
    found = lockquake.shows(UNGUARDED, workload="flash-sale", property="conservation", settings=FEW, **MANY)
    over = int(found.figures["over_by"])
    assert over == found.figures["effects_over"] > 0
    assert f"sold {100 + over} of 100: oversold by {over}" in str(found.tally)


def test_repeated_request_control(lockquake: Lockquake) -> None:
    found = verdict_of(lockquake.keeps(SOUND, workload="repeated-request", settings=FEW, **MANY), "duplicates")
    assert found.figures == {"requests": 40, "duplicates": 0}


def test_repeated_request_demonstration(lockquake: Lockquake) -> None:
    found = lockquake.shows(UNGUARDED, workload="repeated-request", property="duplicates", settings=FEW, **MANY)
    assert int(found.figures["duplicates"]) > 0
    assert f"{found.figures['duplicates']} effect" in str(found.tally)


TICKS = {"workload.ticks": 20, "workload.patience": 30.0}
"""Patience enough that no tick is given up only because the machine is busy."""


def test_single_runner_control(lockquake: Lockquake) -> None:
    found = verdict_of(lockquake.keeps(SOUND, workload="single-runner", settings=TICKS), "single-runner")
    assert found.tally == "20 of 20 ticks of job run"
    assert (found.figures["ticks_missed"], found.figures["ticks_run_again"]) == (0, 0)


def test_single_runner_demonstration(lockquake: Lockquake) -> None:
    found = lockquake.shows(UNGUARDED, workload="single-runner", property="single-runner", settings=TICKS)
    assert int(found.figures["overlapping_runs"]) > 0
    assert "runs beside another run" in str(found.tally)


@pytest.mark.pause
def test_a_payment_after_the_lease_is_shown_in_money(lockquake: Lockquake) -> None:
    """The lock is sound, its holder is not: paused between reading and paying, it pays from a rest that is gone."""
    found = lockquake.shows(
        "redis-set-nx-px@redis-single", "pause-client:at=before-write", workload="red-packet",
        property="conservation", settings={"lock.ttl": 0.6, "workload.requests": 60},
    )  # fmt: skip
    assert int(found.figures["over_by"]) > 0


@pytest.mark.pause
def test_a_ledger_that_looks_at_fencing_tokens_is_not_overspent(lockquake: Lockquake) -> None:
    """The same pause: what the holder pays too late is turned away."""
    settings = {"lock.ttl": 0.6, "workload.requests": 60}
    result = lockquake.run(
        "redis-fenced@redis-single", "pause-client:at=before-write", workload="red-packet", settings=settings
    )
    for name in ("conservation", "lost-update", "fencing-at-ledger"):
        assert verdict_of(result, name).validity == "valid"
    assert verdict_of(result, "conservation").figures["books_off_by"] == 0


def test_work_that_is_not_done_in_time_is_named(lockquake: Lockquake) -> None:
    from lockquake.testing import HarnessFailure

    with pytest.raises(HarnessFailure, match=r"the work of red-packet was not done within 0\.5 s: c1 had \d+ left"):
        lockquake.run(SOUND, workload="red-packet", settings={"workload.requests": 10_000, "trial.deadline": 0.5})


SEGMENTS = {"workload.requests": 60, "workload.stock": 40, "workload.segments": 2}


def segments(verdicts: list[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.property == "conservation"]


def test_segmented_inventory_control(lockquake: Lockquake) -> None:
    result = lockquake.keeps(SOUND, workload="segmented-inventory", settings=SEGMENTS)
    found = segments(result.verdicts)
    assert sorted(str(verdict.tally) for verdict in found) == [f"sold 20 of 20 from segment-{n}" for n in (1, 2)]
    assert [verdict.figures.get("deadlocks", 0) for verdict in found] == [0, 0]


def test_segmented_inventory_demonstration(lockquake: Lockquake) -> None:
    found = lockquake.shows(
        UNGUARDED, workload="segmented-inventory", property="conservation", settings=SEGMENTS, **MANY
    )
    assert int(found.figures["over_by"]) > 0
    assert "oversold by" in str(found.tally)


def test_segments_locked_in_opposite_order_deadlock_up_to_the_waiting_limit(lockquake: Lockquake) -> None:
    """Nothing is oversold and everything is sold in the end: what it costs is time."""
    opposite = {"workload.order": "opposite", "workload.spans": 1.0, "workload.limit": 0.3, "workload.compute": 0.01}
    caught = 0
    for seed in range(1, 6):
        result = lockquake.run(SOUND, workload="segmented-inventory", settings=SEGMENTS | opposite, seed=seed)
        found = segments(result.verdicts)
        assert all(verdict.figures["over_by"] == 0 for verdict in found)
        caught += sum(int(verdict.figures.get("deadlocks", 0)) for verdict in found)
        if caught:
            return
    pytest.fail("no deadlock in five trials")
