"""Measuring claims: a campaign over their cells, first one trial of each, then a second of each, and so on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lockquake.batch import Stop
from lockquake.campaign import Campaign, CampaignRun, Outcome
from lockquake.campaign_record import Record
from lockquake.claims.cells import Cell
from lockquake.claims.findings import Finding, findings_of
from lockquake.trial import Say, TrialResult


@dataclass(frozen=True)
class Row:
    """A cell and its trials. ``unsupported``: why there are none, where it cannot run on this platform; ``failed``:
    what kept its cluster from starting; ``versions``: of what took part; ``loads``: the
    machine's load average at each trial."""

    cell: Cell
    results: tuple[TrialResult, ...] = ()
    unsupported: str = ""
    failed: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    loads: tuple[float, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """What its trials make of its claims."""
        return findings_of(self.cell, self.results)


def measure(
    cells: Sequence[Cell],
    record: Record,
    *,
    times: int,
    platform: str,
    root: Path,
    stop: Stop,
    say: Say,
    each: Callable[[Outcome], None],
    jobs: int = 1,
    budget: float | None = None,
) -> list[Row]:
    """Run what ``record`` lacks of ``times`` trials per cell, within ``budget`` seconds; claimed cells go first.

    Raises Interrupted when stopped; what was measured is in the record then."""
    until = None if budget is None else time.monotonic() + budget
    order = sorted(range(len(cells)), key=lambda number: cells[number].unclaimed)
    outcomes: list[Outcome] = []
    for done in range(1, times + 1):
        campaign = Campaign(name="claims", trial=[cells[number].entry(done) for number in order], jobs=jobs)
        outcomes = CampaignRun(campaign, platform, record, root, stop, say, until).execute(each)
    rows = {number: _row(cells[number], outcome, record) for number, outcome in zip(order, outcomes, strict=True)}
    return [rows[number] for number in range(len(cells))]


def _row(cell: Cell, outcome: Outcome, record: Record) -> Row:
    lines = [line for result in outcome.results if (line := record.line(result.plan)) is not None]
    versions = {name: version for line in lines for name, version in line.versions.items()}
    unsupported = outcome.message if outcome.standing == "unsupported" else ""
    failed = outcome.message if outcome.standing == "harness error" and not outcome.results else ""
    return Row(
        cell, tuple(outcome.results), unsupported, failed, versions, tuple(line.load for line in lines if line.load)
    )
