"""Fencing tokens grow from grant to grant, and the ledger accepts no stale one."""

from __future__ import annotations

import pytest

from histories.build import MS, Story
from histories.spec import Spec
from tests.unit.checker import stories
from tests.unit.checker.judging import validity

FENCED = Spec(lease_ns=2000 * MS, fenced=True)


def test_fencing_at_grant_tokens_must_grow_but_not_be_consecutive() -> None:
    grown = Story(FENCED).hold("A", 0, 1, until=5, fence=1).hold("B", 10, 11, until=15, fence=4)
    fallen = Story(FENCED).hold("A", 0, 1, until=5, fence=4).hold("B", 10, 11, until=15, fence=1)
    assert validity(grown, "fencing-at-grant") == ("valid", None)
    assert validity(fallen, "fencing-at-grant") == ("invalid", "stale-token")


def test_fencing_at_grant_is_judged_by_real_time_order_only() -> None:
    """B was called before A returned: its smaller token may be the earlier grant."""
    story = Story(FENCED).acquire("A", 0, 5, fence=4).acquire("B", 3, 9, fence=1)
    assert validity(story, "fencing-at-grant") == ("valid", None)


def test_fencing_at_grant_a_token_belongs_to_one_attempt() -> None:
    story = Story(FENCED).hold("A", 0, 1, until=5, fence=4).hold("B", 10, 11, until=15, fence=4)
    assert validity(story, "fencing-at-grant") == ("invalid", "reused-token")
    assert validity(Story(FENCED).hold("A", 0, 1, until=5), "fencing-at-grant") == ("invalid", "missing-token")


def test_fencing_at_grant_re_entry_repeats_its_token() -> None:
    spec = Spec(lease_ns=2000 * MS, fenced=True, reentry_limit=2)
    story = Story(spec).acquire("A", 0, 1, fence=4).acquire("A", 2, 3, fence=4, depth=2).release("A", 4, 5)
    assert validity(story.release("A", 6, 7), "fencing-at-grant") == ("unknown", None)  # one token shows nothing
    assert validity(story.hold("B", 8, 9, until=10, fence=5), "fencing-at-grant") == ("valid", None)


def test_fencing_does_not_apply_to_locks_without_tokens() -> None:
    assert validity(stories.quiet(), "fencing-at-grant") is None
    assert validity(stories.quiet(), "fencing-at-ledger") is None


@pytest.mark.parametrize(
    ("second", "accepted", "expected"),
    [
        ((8, "B"), True, ("valid", None)),
        ((6, "B"), True, ("invalid", "stale-token")),
        ((6, "B"), False, ("valid", None)),
        ((7, "B"), True, ("invalid", "reused-token")),
        ((7, "A"), True, ("valid", None)),
    ],
)
def test_fencing_at_ledger(second: tuple[int, str], accepted: bool, expected: tuple[str, str | None]) -> None:
    story = Story(FENCED).acquire("A", 0, 1, fence=7).acquire("B", 0, 2, fence=second[0])
    story.ledger(10, "A", 1, 7).ledger(20, second[1], 2, second[0], accepted=accepted)
    assert validity(story, "fencing-at-ledger") == expected


def test_fencing_at_ledger_follows_the_ledgers_own_order_not_its_clock() -> None:
    story = Story(FENCED).acquire("A", 0, 1, fence=7).acquire("B", 0, 2, fence=8)
    assert validity(story.ledger(20, "A", 1, 7).ledger(10, "B", 2, 8), "fencing-at-ledger") == ("valid", None)


def test_fencing_at_ledger_goes_by_the_calls_where_the_ledger_said_nothing() -> None:
    fine = Story(FENCED).acquire("A", 0, 1, fence=7).write("A", 2, 3, 1, fence=7)
    fine.acquire("B", 4, 5, fence=8).write("B", 6, 7, 2, fence=8)
    assert validity(fine, "fencing-at-ledger") == ("valid", None)
    stale = Story(FENCED).acquire("A", 0, 1, fence=7).acquire("B", 4, 5, fence=8).write("B", 6, 7, 2, fence=8)
    assert validity(stale.write("A", 9, 10, 1, fence=7), "fencing-at-ledger") == ("invalid", "stale-token")


def test_fencing_at_ledger_has_no_occasion_without_a_write() -> None:
    assert validity(Story(FENCED).acquire("A", 0, 1, fence=7), "fencing-at-ledger") is None
