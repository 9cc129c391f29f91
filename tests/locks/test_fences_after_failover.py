"""Fencing tokens after a failover that lost them: the counter is on the same server as the lock, so the promoted
replica counts on from what it had heard of, and hands out tokens that others were given before.

What becomes of that is up to the resource. One that remembers which attempt a token was of turns the new holders away
until the counter has caught up: safe, and for that time of no use. One that does not look accepts them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trial_rows import rows_of

from histories.rows import Ledger

if TYPE_CHECKING:
    from checker.verdict import Verdict
    from lockquake.testing import Lockquake
    from lockquake.trial import TrialResult

pytestmark = pytest.mark.failover

NUCLEUS = "redis-fenced@redis-sentinel"
TRIES = 5


def repeated_tokens(lockquake: Lockquake, *, fencing: bool) -> tuple[TrialResult, dict[str, Verdict]]:
    """A trial in which tokens were handed out again, and its verdicts."""
    came: list[str] = []
    for seed in range(TRIES):
        result = lockquake.run(NUCLEUS, "failover", seed=seed, settings={"ledger.fencing": fencing})
        verdicts = {verdict.property: verdict for verdict in result.verdicts}
        if verdicts["fencing-at-grant"].validity == "invalid":
            return result, verdicts
        came.append(result.message or result.status)
    pytest.fail(f"no token was handed out again in {TRIES} trials; they came to: {', '.join(came)}", pytrace=False)


def test_a_ledger_that_remembers_turns_equal_and_older_tokens_away(lockquake: Lockquake) -> None:
    result, verdicts = repeated_tokens(lockquake, fencing=True)
    assert verdicts["fencing-at-grant"].kind in {"reused-token", "stale-token"}
    assert verdicts["fencing-at-ledger"].validity == "valid"
    reasons = [row.reason or "" for row in rows_of(result, Ledger) if not row.accepted]
    assert [reason for reason in reasons if "belongs to another attempt" in reason or "older than" in reason]


def test_a_ledger_that_does_not_look_accepts_them(lockquake: Lockquake) -> None:
    _, verdicts = repeated_tokens(lockquake, fencing=False)
    assert verdicts["fencing-at-ledger"].validity == "invalid"
