"""Locks on Redis with Sentinel: asynchronous replication loses locks when the primary's role moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockquake.testing import Lockquake


def test_token_lock_keeps_two_clients_apart_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps("redis-set-nx-px@redis-sentinel")


@pytest.mark.failover
def test_a_promoted_replica_has_not_heard_of_the_lock(lockquake: Lockquake) -> None:
    verdict = lockquake.shows("redis-set-nx-px@redis-sentinel", "failover", kind="double-grant", cause="failover")
    assert "c" in verdict.sentence
    assert verdict.figures["max_overlap_ms"]


@pytest.mark.failover
@pytest.mark.partition
def test_a_split_brain_grants_on_both_sides(lockquake: Lockquake) -> None:
    fault = "failover:recipe=split-brain"
    lockquake.shows("redis-set-nx-px@redis-sentinel", fault, kind="double-grant", cause="failover")
