"""Locks where a replica takes over: promoted by an operator who cannot know what it had not heard, or in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.rows import Fault

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

PAIR = "redis-set-nx-px@redis-replica"
MASTERS = "redlock@redis-masters"
REPLICATED = {"cluster.masters": 3, "cluster.replicas": 1, "trial.work": 1.0}
QUICK = {"lock.ttl": 3.0, "trial.work": 1.0}
IN_ORDER = "failover:recipe=ordered,for=0s"


@pytest.mark.failover
def test_an_operator_promotes_a_replica_that_has_not_heard_of_the_lock(lockquake: Lockquake) -> None:
    lockquake.shows(PAIR, "failover", kind="double-grant", cause="failover", settings={"trial.work": 1.0})


@pytest.mark.failover
@pytest.mark.parametrize("nucleus", [PAIR, "redis-set-nx-px@redis-cluster"])
def test_what_is_handed_over_in_order_is_not_lost(lockquake: Lockquake, nucleus: str) -> None:
    result = lockquake.keeps(nucleus, IN_ORDER, settings=QUICK)
    [proof] = [row.evidence or "" for row in rows_of(result, Fault) if row.state == "proven"]
    assert "handed over to" in proof
    assert "in charge" in proof


@pytest.mark.failover
def test_a_master_replaced_by_its_replica_breaks_a_bare_majority(lockquake: Lockquake) -> None:
    """c1 holds redis-1 and redis-2 of three; redis-2's replica, which has not heard of it, and redis-3 let c2 in."""
    fault = "failover:target=redis-2,without=redis-3,client=c1"
    lockquake.shows(MASTERS, fault, kind="double-grant", cause="failover", settings=REPLICATED)


@pytest.mark.failover
def test_a_master_replaced_by_its_replica_leaves_a_full_house_its_majority(lockquake: Lockquake) -> None:
    """The same loss, but for a holder of all three."""
    lockquake.keeps(MASTERS, "failover:target=redis-2", settings=REPLICATED | {"lock.ttl": 4.0})
