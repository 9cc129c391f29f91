"""Cells are measured breadth first, those with claims before the others, and the command's exit code says what came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from checker.verdict import Verdict
from lockquake import campaign as campaign_module
from lockquake.batch import Stop
from lockquake.campaign_record import Record
from lockquake.claims.cells import Cell, choose_cells, choose_locks
from lockquake.claims.measure import Row, measure
from lockquake.cli import main
from lockquake.plan import Plan
from lockquake.trial import TrialResult
from nuclei import registry
from nuclei.locks.claims import NO_FAULT, PAUSE_BEYOND, Claim, lost

LOCK = registry.lock("redis-set-nx-px")
(BREAKS,) = lost("mutual-exclusion", "an article", PAUSE_BEYOND)
CELLS = [Cell(LOCK, "redis-single", NO_FAULT), Cell(LOCK, "redis-single", PAUSE_BEYOND, (BREAKS,))]
CHOSEN = ["claims", "redis-set-nx-px", "--cluster", "redis-single", "--fault", "none", "--platform", "process"]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What ran, fault and seed, in order; every trial is valid in everything."""
    order: list[tuple[str, int]] = []

    def run_one(plan: Plan, rigs: Any, path: Path, *_: object) -> TrialResult:
        order.append((plan.faults, plan.seed))
        said = [Verdict(property=name, validity="valid", sentence="") for name in ("mutual-exclusion", "lease")]
        return TrialResult(plan, path, "valid", verdicts=said)

    monkeypatch.setattr(campaign_module, "run_one", run_one)
    monkeypatch.setattr(campaign_module, "require_supported", lambda plan: None)
    return order


def measured(place: Path, cells: Sequence[Cell], budget: float | None = None) -> list[Row]:
    with Record(place) as record:
        return measure(
            cells, record, times=2, platform="process", root=place, stop=Stop(), say=lambda text: None,
            each=lambda outcome: None, budget=budget,
        )  # fmt: skip


def test_every_cell_gets_its_first_trial_before_any_gets_its_second(ran: list[tuple[str, int]], tmp_path: Path) -> None:
    rows = measured(tmp_path, CELLS)
    assert ran == [("pause-client:for=2x", 1), ("none", 1), ("pause-client:for=2x", 2), ("none", 2)]
    assert [row.cell for row in rows] == CELLS
    assert [len(row.results) for row in rows] == [2, 2]
    assert [finding.standing for finding in rows[1].findings] == ["not demonstrated"]


def test_what_the_budget_leaves_out_is_not_measured(ran: list[tuple[str, int]], tmp_path: Path) -> None:
    rows = measured(tmp_path, CELLS, budget=0.0)
    assert (ran, [row.results for row in rows]) == ([], [(), ()])
    assert [finding.standing for finding in rows[1].findings] == ["not measured"]


@pytest.mark.parametrize(("budget", "code", "told"), [("60m", 0, "kept 1 of 1"), ("0s", 2, "not measured")])
def test_the_exit_code_and_the_table(
    ran: list[tuple[str, int]], tmp_path: Path, budget: str, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "measured"
    with pytest.raises(SystemExit) as stopped:
        main([*CHOSEN, "--measure", str(place), "--times", "1", "--budget", budget])
    assert stopped.value.code == code
    assert told in (place / "claims.md").read_text()
    assert str(place) in capsys.readouterr().out
    assert str(place) not in (place / "claims.md").read_text()


def test_what_is_claimed_is_shown_without_running_anything(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*CHOSEN, "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["fault"], {claim["verdict"] for claim in row["claims"]}) == ("none", {"kept"})


def test_what_nobody_claims_can_be_asked_for() -> None:
    cells = [cell for cell in choose_cells(choose_locks([])) if cell.unclaimed]
    assert cells
    assert all(isinstance(claim, Claim) and claim.verdict == "unclaimed" for cell in cells for claim in cell.claims)
