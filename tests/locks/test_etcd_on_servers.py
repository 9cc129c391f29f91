"""``etcd`` on three real servers: what its lease keeps, and what a paused holder does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.rows import Role, Told

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "etcd@etcd"
BRIEF = {"trial.work": 0.5}


def test_keeps_two_clients_apart_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, settings=BRIEF)


@pytest.mark.pause
def test_is_overstayed_by_a_paused_holder_whose_late_writes_are_rejected(lockquake: Lockquake) -> None:
    paused = "pause-client:for=2x,at=before-write"
    result = lockquake.run(NUCLEUS, paused, settings=BRIEF)
    judged = {verdict.property: verdict for verdict in result.verdicts}
    assert (judged["mutual-exclusion"].kind, judged["mutual-exclusion"].cause) == ("overstay", "session-end")
    assert judged["lease"].validity == judged["fencing-at-ledger"].validity == "valid"


@pytest.mark.partition
def test_is_left_by_a_holder_that_is_cut_off_before_anybody_else_enters(lockquake: Lockquake) -> None:
    result = lockquake.keeps(NUCLEUS, "partition:side=client,for=1.75x", settings=BRIEF)
    assert rows_of(result, Told)


@pytest.mark.kill
def test_survives_its_leader(lockquake: Lockquake) -> None:
    result = lockquake.keeps(NUCLEUS, "kill-node:for=2s", settings=BRIEF | {"lock.ttl": 4.0})
    assert len({row.node for row in rows_of(result, Role) if row.role == "leader"}) >= 2


@pytest.mark.partition
def test_survives_a_leader_that_is_cut_off(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, "partition:side=primary,for=2s", settings=BRIEF | {"lock.ttl": 4.0})
