"""What is claimed of the locks there are: every claim makes a plan, has a source, and is about a property we judge."""

from __future__ import annotations

import contextlib

import pytest

from checker.registry import find
from faults.families import FAMILIES
from lockquake.claims.cells import BRIEF, Cell, cells_of, choose_cells, choose_locks, unreadable
from nuclei import registry
from nuclei.locks.base import LockEntry
from nuclei.locks.claims import CLOCK_AHEAD, NO_FAULT, PAUSE_BEYOND, Claim, Scenario, kept, lost, unclaimed
from nuclei.platforms.base import Unsupported
from nuclei.registry import UnknownName

LOCKS = registry.locks()
SPOKEN = ("none", "pause-client", "kill-client", "kill-node", "pause-node", "partition", "clock")
COMPLETE = (
    *("local", "redis-setnx", "redis-setnx-expire", "redis-timestamp-del", "redis-getset", "redis-set-nx-ex-del"),
    *("redis-set-nx-px", "redis-fenced", "redis-reentrant", "redis-set-nx-px-wait", "redlock"),
    *("zk-persistent", "zk-exclusive", "zk-sequential", "zk-sequential-deaf", "chubby-sequencer"),
)
"""Textbook locks, of which something is said under each of these families."""
THERE = ("redis-single", "redis-sentinel", "redis-masters", "zookeeper")


def entry(*claims: Claim) -> LockEntry:
    model = LOCKS["redis-set-nx-px"]
    return LockEntry(
        name="redis-set-nx-px", summary="", clusters=("redis-single",), make=model.make, spec=model.spec,
        defaults=model.defaults, claims=claims,
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(LOCKS))
def test_every_claim_makes_a_plan_and_has_a_source(name: str) -> None:
    for claim in LOCKS[name].claims:
        assert claim.source
        assert find(claim.property) is not None, claim.property
        assert set(claim.clusters) <= set(LOCKS[name].clusters)
    for cell in cells_of(LOCKS[name]):
        with contextlib.suppress(Unsupported):
            plan = cell.entry(1).plan("docker", 0)
            assert [fault.name for fault in plan.schedule] == [f.partition(":")[0] for f in cell.scenario.faults]


@pytest.mark.parametrize("name", COMPLETE)
def test_of_the_textbook_locks_something_is_said_under_every_family(name: str) -> None:
    for cluster in set(THERE) & set(LOCKS[name].clusters):
        cells = [cell for cell in cells_of(LOCKS[name]) if cell.cluster == cluster and cell.claims]
        said = {family for cell in cells for family in cell.scenario.families}
        assert set(SPOKEN) <= said, cluster


def test_every_family_that_a_cluster_allows_has_a_cell_for_every_lock() -> None:
    for lock in LOCKS.values():
        for cluster in lock.clusters:
            there = {f for cell in cells_of(lock) if cell.cluster == cluster for f in cell.scenario.families}
            allowed = {n for n, f in FAMILIES.items() if f.impossible_on(registry.cluster(cluster)) is None}
            assert {"none", *allowed} <= there


def test_a_lock_of_which_nothing_is_said_is_unclaimed_everywhere() -> None:
    cells = cells_of(entry())
    assert {family for cell in cells for family in cell.scenario.families} == {"none", *FAMILIES} - {"failover"}
    assert all(cell.unclaimed and not cell.claims for cell in cells)


def test_claims_of_one_scenario_share_a_cell_and_only_where_they_are_made() -> None:
    lock = entry(
        *kept("lease", "a", PAUSE_BEYOND),
        *lost("mutual-exclusion", "b", PAUSE_BEYOND, kind="overstay"),
        *unclaimed("c", CLOCK_AHEAD),
        *kept("mutual-exclusion", "d", NO_FAULT, on=("redis-sentinel",)),
    )
    cells = {cell.scenario: cell for cell in cells_of(lock)}
    assert [claim.verdict for claim in cells[PAUSE_BEYOND].claims] == ["kept", "lost"]
    assert cells[CLOCK_AHEAD].unclaimed
    assert not cells[NO_FAULT].claims


def test_a_fault_may_be_given_as_text_and_means_the_scenario_of_the_same_faults() -> None:
    said = Claim(property="lease", fault="pause-client:for=2x", verdict="kept", source="x")
    assert said.under() is PAUSE_BEYOND
    assert Claim(property="lease", fault="none", verdict="kept", source="x").under() is NO_FAULT
    own = Claim(property="lease", fault="pause-client:for=7s", verdict="kept", source="x").under()
    assert own == Scenario(words="pause-client:for=7s", faults=("pause-client:for=7s",))


def test_a_fault_in_words_only_is_told_and_not_tried() -> None:
    claim = Claim(property="lease", fault="client pause > TTL", verdict="kept", source="x")
    lock = entry(claim)
    assert unreadable([lock]) == [(lock, claim)]
    assert all(cell.unclaimed for cell in cells_of(lock))


def test_settings_are_brief_but_for_what_a_scenario_or_a_fault_says() -> None:
    own = Scenario(words="own", settings=("trial.work=3s",))
    zookeeper = Cell(LOCKS["zk-sequential"], "zookeeper", own)
    assert zookeeper.settings() == [*(f"{key}={value}" for key, value in BRIEF.items()), "trial.work=3s"]
    redis = Cell(LOCKS["redis-set-nx-px"], "redis-sentinel", Scenario(words="f", faults=("failover",)))
    assert redis.settings() == ["trial.work=1s"]
    assert redis.entry(2).plan("process", 0).lock_settings["ttl"] == 10.0


def test_cells_are_chosen_by_lock_cluster_and_family() -> None:
    cells = choose_cells(choose_locks(["redis-fenced", "redlock"]), ["redis-masters"], ["kill-node"])
    assert {(cell.nucleus, "kill-node" in cell.scenario.families) for cell in cells} == {
        ("redlock@redis-masters", True)
    }
    assert choose_cells(choose_locks(["redis-fenced"]), ["zookeeper"]) == []
    with pytest.raises(UnknownName, match="no fault 'earthquake'"):
        choose_cells([], [], ["earthquake"])
    with pytest.raises(UnknownName, match="no cluster"):
        choose_cells([], ["redis"])


def test_what_no_cell_is_left_of_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    from lockquake.cli import main

    with pytest.raises(SystemExit) as stopped:
        main(["claims", "redlock", "--cluster", "zookeeper"])
    assert stopped.value.code == 64
    assert "no lock has such a cell" in capsys.readouterr().err
