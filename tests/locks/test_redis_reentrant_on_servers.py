"""``redis-reentrant`` on a real server: renewed while its holder lives, and in touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.rows import Server, Wake

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "redis-reentrant@redis-single"


def test_keeps_others_out_of_holds_longer_than_its_lease_and_lets_the_holder_in_again(lockquake: Lockquake) -> None:
    longer = {"lock.ttl": 0.5, "workload.hold": 0.8, "workload.reenter": 0.8, "workload.limit": 5.0}
    result = lockquake.keeps(NUCLEUS, clients=2, settings=longer)
    judged = {verdict.property: verdict for verdict in result.verdicts}
    assert judged["re-entry"].figures["deepest"] == 2
    assert rows_of(result, Wake)
    owners = {str(row.owner).partition(":")[0] for row in rows_of(result, Server) if row.event == "began"}
    assert {"c1", "c2"} <= owners


@pytest.mark.kill
def test_comes_back_once_nobody_renews_a_dead_holders_lease(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, "kill-client", settings={"lock.ttl": 0.8, "workload.reenter": 0.8})


@pytest.mark.partition
def test_is_overstayed_by_a_holder_whose_watchdog_was_cut_off(lockquake: Lockquake) -> None:
    """Its holder stays for 0.9 s at least, its key 0.6 s; what the watchdog finds after the heal it keeps to itself."""
    verdict = lockquake.shows(
        NUCLEUS,
        "partition:side=client,for=2x",
        kind="overstay",
        cause="lease-ran-out",
        settings={"lock.ttl": 0.6, "workload.hold": 1.8, "trial.work": 1.0},
    )
    assert "partition" in verdict.sentence
