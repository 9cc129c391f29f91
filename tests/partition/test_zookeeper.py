"""The sequential-node lock on ZooKeeper: sessions end only late, so there is never a double grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "zk-sequential@zookeeper"


def test_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS)


@pytest.mark.partition
def test_isolating_the_leader(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, "partition:side=primary")


@pytest.mark.kill
def test_killing_the_leader(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, "kill-node:target=leader")


@pytest.mark.partition
def test_a_client_cut_off_longer_than_its_session_leaves_in_time(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, "partition:side=client,for=1.5x")


@pytest.mark.pause
def test_a_pause_of_half_the_session(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, "pause-client:for=0.5x")


@pytest.mark.pause
def test_a_pause_of_twice_the_session_is_an_overstay_and_never_a_double_grant(lockquake: Lockquake) -> None:
    lockquake.shows(NUCLEUS, "pause-client:for=2x", kind="overstay")


@pytest.mark.pause
def test_fencing_rejects_the_write_of_a_holder_that_slept_through_its_session(lockquake: Lockquake) -> None:
    result = lockquake.run(NUCLEUS, "pause-client:for=2x")
    fencing = [v for v in result.verdicts if v.property == "fencing-at-ledger"]
    assert fencing
    assert all(v.validity == "valid" for v in fencing)
