"""``redis-setnx-expire`` on a real server: sound while nobody dies between its two commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "redis-setnx-expire@redis-single"


def test_keeps_two_clients_apart_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, settings={"trial.work": 1.0})


@pytest.mark.kill
def test_never_comes_back_after_a_kill_between_the_two_commands(lockquake: Lockquake) -> None:
    """A gap of 0.3 s makes it certain: c1 is refused while c2 dawdles between SETNX and EXPIRE, and c2 is killed."""
    dawdling = {"lock.gap": 0.3, "lock.ttl": 1.0, "workload.try_share": 1.0, "workload.hold": 0.01}
    verdict = lockquake.shows(
        NUCLEUS,
        "kill-client:target=c2,client=c1,at=refused",
        property="recovery",
        clients=2,
        settings=dawdling | {"trial.quiet": 0.5},
    )
    assert verdict.kind == "never-came-back"


@pytest.mark.pause
def test_frees_the_next_holders_lock_after_a_pause_beyond_its_lease(lockquake: Lockquake) -> None:
    lockquake.shows(NUCLEUS, "pause-client", property="owner-safe-release", settings={"lock.ttl": 1.0})
