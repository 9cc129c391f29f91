"""``redis-timestamp-del`` on a real server: sound until a deadline has passed, then everybody who looks gets in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "redis-timestamp-del@redis-single"
RESCUED = {"lock.ttl": 0.6, "lock.gap": 0.1, "workload.hold": 0.3, "trial.work": 1.0}
"""A gap of 0.1 s between reading a stale deadline and deleting the key: all waiters look meanwhile."""


def test_keeps_two_clients_apart_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, settings={"trial.work": 1.0})


@pytest.mark.kill
def test_two_rescuers_of_a_dead_holders_lock_are_both_let_in(lockquake: Lockquake) -> None:
    lockquake.shows(NUCLEUS, "kill-client", kind="double-grant", clients=4, settings=RESCUED)
