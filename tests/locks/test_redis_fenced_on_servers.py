"""``redis-fenced`` on real servers: a write delayed beyond the lease lands unless the ledger checks its token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.rows import Ledger

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "redis-fenced@redis-single"
DELAYED = "pause-client:at=before-write"
BRIEF = {"lock.ttl": 0.6, "trial.work": 1.0}


def test_keeps_two_clients_apart_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps(NUCLEUS, settings={"trial.work": 1.0})


@pytest.mark.pause
def test_a_write_delayed_beyond_the_lease_is_turned_away(lockquake: Lockquake) -> None:
    """The pause makes two of them inside, which no lease prevents; what the token keeps is the ledger."""
    result = lockquake.run(NUCLEUS, DELAYED, settings=BRIEF)
    judged = {verdict.property: verdict.validity for verdict in result.verdicts}
    assert (judged["mutual-exclusion"], judged["fencing-at-ledger"]) == ("invalid", "valid")
    assert [row.reason for row in rows_of(result, Ledger) if not row.accepted]


@pytest.mark.pause
def test_a_write_delayed_beyond_the_lease_lands_where_nobody_checks(lockquake: Lockquake) -> None:
    lockquake.shows(NUCLEUS, DELAYED, property="fencing-at-ledger", settings=BRIEF | {"ledger.fencing": False})
