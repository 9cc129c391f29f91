"""A write that its holder gave up waiting for, and that lands when others have written: no two are inside, and a lock
alone cannot prevent it. What prevents it is a resource that looks at fencing tokens.

The client's way to the ledger stalls when it is about to write; it waits for the answer for less than its lease lasts
and releases in time. Others are let in and write. Then the way is open again, and the ledger gets what it was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.rows import Ledger

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

pytestmark = pytest.mark.partition

STALLED = "partition:side=client,from=ledger,how=stall,at=before-write,for=1.5s"
BRIEF = {"ledger.timeout": 0.3, "trial.work": 0.5, "workload.think": 0.3, "workload.think_shape": "constant"}
"""While the client of the stalled write thinks, the others are let in for certain."""


def test_without_tokens_the_late_write_overwrites_what_came_after_it(lockquake: Lockquake) -> None:
    verdict = lockquake.shows(
        "redis-set-nx-px@redis-single", STALLED, property="lost-update", kind="late-write", settings=BRIEF
    )
    assert "nobody else was inside" in verdict.sentence


def test_tokens_that_nobody_checks_are_no_help(lockquake: Lockquake) -> None:
    unchecked = BRIEF | {"ledger.fencing": False}
    verdict = lockquake.shows("redis-fenced@redis-single", STALLED, property="fencing-at-ledger", settings=unchecked)
    assert verdict.kind == "stale-token"


@pytest.mark.parametrize("nucleus", ["redis-fenced@redis-single", "chubby-sequencer@zookeeper"])
def test_the_ledger_turns_the_late_write_away_by_its_token(lockquake: Lockquake, nucleus: str) -> None:
    result = lockquake.keeps(nucleus, STALLED, settings=BRIEF)
    judged = {verdict.property: verdict.validity for verdict in result.verdicts}
    assert (judged["fencing-at-ledger"], judged["lost-update"]) == ("valid", "valid")
    late = [row.reason for row in rows_of(result, Ledger) if not row.accepted]
    assert [reason for reason in late if reason is not None and reason.startswith("older than fencing token")]
