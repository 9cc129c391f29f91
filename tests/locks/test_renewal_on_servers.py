"""Holders that renew their lease on a real server: what that keeps, and what a pause or a cut before it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.rows import Call, Return

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "redis-set-nx-px@redis-single"
LEASE = 1.0
RENEWING = {
    "lock.ttl": LEASE,
    "workload.renew": 0.25,
    "workload.hold": 1.5,
    "workload.hold_shape": "constant",
    "workload.think": 0.3,
    "trial.work": 1.0,
}
"""A hold is half as long again as a lease, and who waits is let in while the last holder thinks."""


@pytest.mark.pause
def test_a_holder_that_renews_in_time_outlives_its_lease(lockquake: Lockquake) -> None:
    result = lockquake.keeps(NUCLEUS, "pause-client:at=before-renew,for=0.2x", settings=RENEWING)
    judged = {verdict.property: verdict.validity for verdict in result.verdicts}
    assert judged["lease"] == "valid"
    granted = {
        row.attempt: row.t for row in rows_of(result, Return) if row.op in {"acquire", "try"} and row.outcome == "ok"
    }
    stays = [
        row.t - granted[row.attempt] for row in rows_of(result, Call) if row.op == "release" and row.attempt in granted
    ]
    assert max(stays) > LEASE * 1e9


@pytest.mark.pause
def test_a_pause_before_a_renewal_lets_a_second_one_in(lockquake: Lockquake) -> None:
    verdict = lockquake.shows(NUCLEUS, "pause-client:at=before-renew,for=2x", kind="overstay", settings=RENEWING)
    assert verdict.cause == "lease-ran-out"
    assert "asked to renew it" in verdict.sentence


@pytest.mark.partition
def test_who_leaves_when_it_cannot_renew_is_never_beside_another(lockquake: Lockquake) -> None:
    """Nobody is held at a barrier: from its last renewal on the holder has a lease, and needs a quarter of it to see
    that the next one does not come."""
    longer = RENEWING | {"lock.ttl": 2.0, "lock.op_timeout": 0.2, "workload.hold": 2.5}
    lockquake.keeps(NUCLEUS, "partition:side=client,at=0.3s,for=1.1x", settings=longer)


@pytest.mark.partition
def test_who_does_not_look_whether_it_could_renew_overstays(lockquake: Lockquake) -> None:
    careless = RENEWING | {"workload.heed_renewal": False, "workload.hold": 3.0}
    verdict = lockquake.shows(
        NUCLEUS, "partition:side=client,at=before-renew,for=1.5x", kind="overstay", settings=careless
    )
    assert verdict.cause == "renewal-died"


@pytest.mark.clock
def test_a_renewed_lease_that_the_server_ends_early_is_a_double_grant(lockquake: Lockquake) -> None:
    """The server's clock jumps when the first lease would be over anyway: only by its renewals is it alive."""
    longer = {"lock.ttl": 1.5, "workload.hold": 4.0, "workload.writes": 2, "workload.heed_renewal": False}
    verdict = lockquake.shows(NUCLEUS, "clock:at=before-write", property="lease", settings=RENEWING | longer)
    assert (verdict.kind, verdict.cause) == ("double-grant", "clock")
