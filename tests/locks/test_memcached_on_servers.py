"""``memcached-add`` on a real server: what a cache that promises to forget is worth as a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "memcached-add@memcached"


def test_keeps_two_clients_apart_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, settings={"trial.work": 1.0})


@pytest.mark.pause
def test_is_overstayed_by_a_holder_paused_beyond_its_lease(lockquake: Lockquake) -> None:
    lockquake.shows(
        NUCLEUS,
        "pause-client:for=2.5x",
        kind="overstay",
        cause="lease-ran-out",
        settings={"lock.ttl": 2, "trial.work": 1.0},
    )


@pytest.mark.kill
def test_a_restart_lets_the_next_one_in(lockquake: Lockquake) -> None:
    lockquake.shows(NUCLEUS, "kill-node", kind="double-grant", cause="restart", settings={"trial.work": 1.0})


def test_freed_by_cas_it_keeps_two_clients_apart_as_well(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, settings={"lock.delete": "cas", "trial.work": 0.5})
