"""What most of five masters hold, from the rows of each."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from checker.observed import read_observed
from histories.rows import Role, Server
from nuclei.clusters.observers.majority import MAJORITY, Majority, Rows

NODES = [f"n{number}" for number in range(1, 6)]
ALONE = [[node] for node in NODES]
PAIRS = [["n1", "r1"], ["n2", "r2"], ["n3", "r3"]]


def began(t: int, node: str, owner: str | None) -> Server:
    return Server(t=t, node=node, event="began", key="k", owner=owner)


def ended(t: int, node: str, owner: str | None, reason: str = "deleted") -> Server:
    return Server(t=t, node=node, event="ended", key="k", owner=owner, reason=reason)  # type: ignore[arg-type]


def fold(*rows: Role | Server, groups: Sequence[Sequence[str]] = ALONE) -> Rows:
    majority = Majority(groups)
    return [each for row in rows for each in majority.take(row)]


def of_majority(
    *rows: Role | Server, groups: Sequence[Sequence[str]] = ALONE
) -> list[tuple[int, str, str | None, str | None]]:
    found = [row for row in fold(*rows, groups=groups) if isinstance(row, Server) and row.node == MAJORITY]
    return [(row.t, row.event, row.owner, row.reason) for row in found]


def test_a_lock_begins_with_the_third_key_and_ends_with_the_third_last() -> None:
    rows = [began(t, node, "a") for t, node in enumerate(NODES, 1)]
    rows += [ended(t, node, "a") for t, node in enumerate(NODES, 11)]
    assert of_majority(*rows) == [(3, "began", "a", None), (13, "ended", "a", "deleted")]


def test_two_of_five_are_no_lock() -> None:
    assert of_majority(began(1, "n1", "a"), began(2, "n2", "a"), began(3, "n3", "b"), began(4, "n4", "b")) == []


def test_a_key_that_nobody_could_read_counts_for_nobody() -> None:
    assert of_majority(*(began(t, node, None) for t, node in enumerate(NODES, 1))) == []


def test_its_reason_is_that_of_the_member_that_tipped_the_scales() -> None:
    rows = [began(t, f"n{t}", "a") for t in (1, 2, 3)]
    assert of_majority(*rows, ended(9, "n3", "a", "restart"))[-1] == (9, "ended", "a", "restart")


def test_times_do_not_run_back_where_members_are_seen_late() -> None:
    rows = [began(t, f"n{t}", "a") for t in (1, 2, 3)]
    found = of_majority(*rows, began(20, "n4", "b"), ended(9, "n1", "a"))
    assert found[-1] == (20, "ended", "a", "deleted")


def test_a_key_lost_unseen_ended_somewhere_between() -> None:
    rows = [began(t, f"n{t}", "a") for t in (1, 2, 3)]
    blind = Server(t=5, node="n3", event="blind", key="k")
    seeing = Server(t=9, node="n3", event="seeing", key="k")
    observed = read_observed(sorted(fold(*rows, blind, seeing, ended(9, "n3", "a", "restart")), key=lambda row: row.t))
    [life] = [life for life in observed.lives if life.node == MAJORITY]
    assert (life.began, life.ended_since, life.ended, life.reason) == (3, 5, 9, "restart")


def test_who_does_not_see_most_members_sees_no_majority() -> None:
    blind = [Server(t=t, node=f"n{t}", event="blind") for t in (1, 2, 3)]
    seeing = Server(t=7, node="n2", event="seeing")
    observed = read_observed(fold(*blind, seeing))
    assert observed.blind[MAJORITY] == [(3, 7)]


@pytest.mark.parametrize(("said", "role"), [("primary", "member"), ("down", "down")])
def test_no_member_is_in_charge(said: str, role: str) -> None:
    observed = read_observed(fold(Role(t=1, node="n1", role=said, was="primary")))
    assert [seen.role for seen in observed.roles["n1"]] == [role]
    assert observed.only_in_charge(1) == MAJORITY


def promoted(t: int, node: str) -> Role:
    return Role(t=t, node=node, role="primary", was="replica")


def test_what_a_replica_holds_counts_once_it_is_promoted() -> None:
    rows = [began(1, "n1", "a"), began(2, "r1", "a"), began(3, "r2", "a")]
    assert of_majority(*rows, groups=PAIRS) == []
    assert of_majority(*rows, promoted(4, "r2"), groups=PAIRS) == [(4, "began", "a", None)]


def test_a_promotion_without_the_key_ends_the_lock_by_failover() -> None:
    rows = [began(1, "n1", "a"), began(2, "n2", "a"), promoted(3, "r2"), began(4, "r2", "b"), began(5, "n3", "b")]
    assert of_majority(*rows, groups=PAIRS) == [
        (2, "began", "a", None),
        (3, "ended", "a", "failover"),
        (5, "began", "b", None),
    ]


def test_what_becomes_of_a_former_primary_concerns_nobody() -> None:
    rows = [began(1, "n1", "a"), began(2, "n2", "a"), began(3, "r2", "a"), promoted(4, "r2")]
    assert of_majority(*rows, ended(5, "n2", "a", "resync"), groups=PAIRS) == [(2, "began", "a", None)]


def test_a_promotion_gives_sight_back() -> None:
    blind = [Server(t=t, node=node, event="blind", key="k") for t, node in ((1, "n1"), (2, "n2"))]
    found = [row for row in fold(*blind, promoted(5, "r2"), groups=PAIRS) if isinstance(row, Server)]
    assert [(row.t, row.event) for row in found if row.node == MAJORITY] == [(2, "blind"), (5, "seeing")]
