"""The locks of Python's Redis libraries, unmodified and with their own defaults, on real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.read import read
from histories.rows import Fault, Return, Server, Told
from nuclei.clusters.observers.majority import MAJORITY

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEI = (
    "redis-py@redis-single",
    "redis-py-asyncio@redis-single",
    "python-redis-lock@redis-single",
    "redis-py@redis-sentinel",
    "redis-py-asyncio@redis-sentinel",
    "pottery@redis-masters",
    "redlock-py@redis-masters",
)


@pytest.mark.parametrize("nucleus", NUCLEI)
def test_keeps_two_clients_apart_without_faults(lockquake: Lockquake, nucleus: str) -> None:
    lockquake.keeps(nucleus, settings={"trial.work": 0.6, "workload.try_share": 0.3})


def test_what_renews_itself_outlives_its_lease(lockquake: Lockquake) -> None:
    result = lockquake.keeps(
        "python-redis-lock@redis-single",
        settings={"lock.ttl": 3, "lock.auto_renewal": True, "workload.hold": 3.0, "workload.limit": 10.0},
        clients=2,
    )
    assert read(result.directory).header.versions["python-redis-lock"]


@pytest.mark.pause
def test_is_overstayed_by_a_holder_paused_beyond_its_lease(lockquake: Lockquake) -> None:
    lockquake.shows(
        "redis-py@redis-single",
        "pause-client",
        kind="overstay",
        cause="lease-ran-out",
        settings={"lock.ttl": 0.6, "trial.work": 1.0},
    )


@pytest.mark.partition
def test_python_redis_lock_does_not_tell_a_holder_whose_renewals_ended(lockquake: Lockquake) -> None:
    """The holder is cut off and stays; its key expires, another one is let in, and no ``told`` row says so."""
    nucleus = "python-redis-lock@redis-single"
    result = lockquake.run(
        nucleus,
        "partition:side=client,how=close,for=3s",
        settings={
            "lock.ttl": 2, "lock.auto_renewal": True, "workload.hold": 5.0, "workload.try_share": 1.0,
            "trial.warmup": 0.0, "trial.until_violation": True,
        },
        clients=2,
    )  # fmt: skip
    [broken] = [v for v in result.verdicts if v.property == "mutual-exclusion"]
    assert (broken.validity, broken.kind, broken.cause) == ("invalid", "overstay", "lease-ran-out")
    assert rows_of(result, Told) == []


@pytest.mark.kill
def test_redlock_py_gives_nobody_the_lock_while_one_master_of_five_is_down(lockquake: Lockquake) -> None:
    """A majority takes the key, then the library raises without freeing it: it is gone until its lease ends.

    Each question to the dead master takes redis-py's retries, 5.3 s at most: one for the release under way, one for
    the acquire."""
    result = lockquake.run(
        "redlock-py@redis-masters",
        "kill-node:target=redis-3,client=c1,at=before-release,for=11s",
        settings={"lock.ttl": 8.0, "trial.work": 0.5, "trial.quiet": 0.0},
        clients=1,
    )
    down, up = (row.t for row in rows_of(result, Fault) if row.state in {"proven", "heal-asked"})
    meanwhile = [r for r in rows_of(result, Return) if r.op in {"acquire", "try"} and down < r.t < up]
    assert [row.outcome for row in meanwhile] == ["info"]
    assert "1 masters failed" in (meanwhile[0].error or "")
    [leaked] = [r for r in rows_of(result, Server) if r.node == MAJORITY and r.event == "began" and down < r.t < up]
    ends = [row for row in rows_of(result, Server) if row.node == MAJORITY and row.event == "ended"]
    assert [row.reason for row in ends if row.owner == leaked.owner] == ["expired"]
