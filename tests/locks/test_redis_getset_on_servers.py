"""``redis-getset`` on a real server: one rescuer is let in, but its deadline does not stay its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.rows import Return

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "redis-getset@redis-single"
RESCUED = {"lock.ttl": 0.6, "lock.gap": 0.1, "workload.hold": 0.3, "workload.limit": 1.0, "trial.work": 1.0}
"""The very schedule in which two rescuers of ``redis-timestamp-del`` are let in."""


def test_keeps_two_clients_apart_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, settings={"trial.work": 1.0})


@pytest.mark.kill
def test_lets_one_rescuer_in_whose_deadline_the_losers_overwrite(lockquake: Lockquake) -> None:
    """Nobody paused, so no hold came near its lease (0.6 s); yet releases no longer recognise their own deadline."""
    result = lockquake.keeps(NUCLEUS, "kill-client", clients=4, settings=RESCUED)
    assert [row for row in rows_of(result, Return) if row.op == "release" and row.outcome == "fail"]


@pytest.mark.pause
def test_is_overstayed_by_a_holder_paused_beyond_its_deadline(lockquake: Lockquake) -> None:
    lockquake.shows(NUCLEUS, "pause-client", kind="overstay", settings={"lock.ttl": 0.6, "trial.work": 1.0})
