"""``redis-set-nx-px-wait`` with Sentinel: what one replica's confirmation is worth when the primary is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "redis-set-nx-px-wait@redis-sentinel"


def test_keeps_two_clients_apart_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, settings={"trial.work": 1.0})


@pytest.mark.failover
def test_grants_nothing_that_no_replica_can_confirm(lockquake: Lockquake) -> None:
    """The schedule that breaks ``redis-set-nx-px``: replicas cut off first, then the primary is killed."""
    lockquake.keeps(NUCLEUS, "failover:at=refused", settings={"lock.ttl": 6.0, "trial.work": 1.0})


@pytest.mark.kill
def test_survives_a_bare_kill_of_the_primary(lockquake: Lockquake) -> None:
    """The holder stays inside until well after another one is in charge (1.2 to 3.7 s), and the killed one stays away
    for as long: empty as it comes back, it could be promoted again on a machine so busy that the sentinels doubt."""
    staying = {"lock.ttl": 10.0, "workload.writes": 2, "workload.hold": 5.0, "trial.work": 1.0}
    lockquake.keeps(NUCLEUS, "kill-node:at=before-write,for=8s", settings=staying)


@pytest.mark.kill
def test_is_lost_when_the_primary_comes_back_empty_before_anybody_was_promoted(lockquake: Lockquake) -> None:
    """Its replicas follow it, and forget what they had confirmed. The sentinels give it 5 s, a container takes one."""
    patient = {"cluster.down_after": 5.0, "trial.work": 1.0}
    lockquake.shows(NUCLEUS, "kill-node:for=0.1s", kind="double-grant", cause="restart", settings=patient)
