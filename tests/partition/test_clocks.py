"""Wall clocks that jump: a Redis server counts leases by its own, ZooKeeper counts sessions by a monotonic one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

pytestmark = pytest.mark.clock


def test_token_lock_is_lost_when_the_server_jumps_ahead(lockquake: Lockquake) -> None:
    verdict = lockquake.shows("redis-set-nx-px@redis-single", "clock:by=60s", kind="double-grant", cause="clock")
    assert "redis-1 let the key" in verdict.sentence


def test_token_lock_is_lost_when_the_primary_jumps_ahead(lockquake: Lockquake) -> None:
    lockquake.shows("redis-set-nx-px@redis-sentinel", "clock", kind="double-grant", cause="clock")


def test_token_lock_is_not_lost_when_the_server_jumps_back(lockquake: Lockquake) -> None:
    """For longer than the holder stays: what is right again afterwards ends nobody's lease too early."""
    lockquake.keeps("redis-set-nx-px@redis-single", "clock:by=-60s,for=0.2x")


def test_token_lock_does_not_heed_the_clock_of_a_replica(lockquake: Lockquake) -> None:
    lockquake.keeps("redis-set-nx-px@redis-sentinel", "clock:target=redis-2,by=60s")


@pytest.mark.parametrize("by", ["60s", "-60s"])
def test_sessions_do_not_heed_the_leaders_wall_clock(lockquake: Lockquake, by: str) -> None:
    lockquake.keeps("zk-sequential@zookeeper", f"clock:by={by},for=1.5x")
