"""``zookeeper`` with five servers: two of them, the leader among them, cannot decide anything that three do not know.

One trial on platform process: five Java machines take seconds to start and hundreds of megabytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from histories.read import MERGED, read_rows
from histories.rows import Fault, Role

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

PLATFORMS = ("process",)
FIVE = {"cluster.servers": 5, "cluster.session": 2.0, "trial.work": 1.0}


@pytest.mark.partition
def test_a_leader_isolated_with_one_of_five_lets_nobody_in(lockquake: Lockquake) -> None:
    result = lockquake.keeps("zk-sequential@zookeeper", "partition:with=1,for=1.5x", settings=FIVE)
    rows = read_rows(result.directory / MERGED, [])
    cut, heal = (
        next(row for row in rows if isinstance(row, Fault) and row.state == s) for s in ("proven", "heal-asked")
    )
    assert len(cut.targets) == 2
    elected = {row.node for row in rows if isinstance(row, Role) and row.role == "leader" and cut.t < row.t < heal.t}
    assert not elected & set(cut.targets)
