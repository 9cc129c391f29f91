"""k of n, what stands against a claim, the numbers beside it, and the page they make."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from checker.verdict import Figure, Validity, Verdict
from lockquake.claims import numbers
from lockquake.claims.cells import Cell
from lockquake.claims.findings import finding, surprises
from lockquake.claims.measure import Row
from lockquake.claims.page import page
from lockquake.expectation import Standing
from lockquake.judge import Status
from lockquake.plan import build
from lockquake.trial import TrialResult
from nuclei import registry
from nuclei.locks.claims import HOLDER_KILLED, NO_FAULT, PAUSE_BEYOND, Claim, kept, lost, unclaimed

PLAN = build("redis-set-nx-px@redis-single", faults=["pause-client"], platform="process")
LOCK = registry.lock("redis-set-nx-px")
(KEPT,) = kept("lease", "a manual", PAUSE_BEYOND)
(LOST,) = lost("mutual-exclusion", "an article", PAUSE_BEYOND, kind="overstay")
(OPEN,) = unclaimed("nobody", PAUSE_BEYOND)


def told(name: str, validity: Validity, kind: str | None = None, **figures: Figure) -> Verdict:
    return Verdict(property=name, validity=validity, sentence=f"{name} is {validity}", kind=kind, figures=figures)


EXCLUSION = "mutual-exclusion"
FINE = (told(EXCLUSION, "valid", holds=60, overlaps=0, recovery_ms_f1=40.0), told("lease", "valid"))
STAYED = (told(EXCLUSION, "invalid", "overstay", holds=40, overlaps=5, lost_updates=2, recovery_ms_f1="never"),
          told("lease", "valid"))  # fmt: skip
TWICE = (told(EXCLUSION, "invalid", "double-grant", holds=40, overlaps=1), told("lease", "invalid", "double-grant"))
VAGUE = (told(EXCLUSION, "unknown"), told("lease", "unknown"))


def trial(*verdicts: Verdict, status: Status = "invalid") -> TrialResult:
    return TrialResult(PLAN, Path("run"), status, verdicts=list(verdicts))


@pytest.mark.parametrize(
    ("claim", "trials", "standing", "observed"),
    [
        (KEPT, [trial(*FINE), trial(*STAYED)], "as claimed", "kept 2 of 2"),
        (KEPT, [trial(*FINE), trial(*VAGUE)], "as claimed", "kept 1 of 2 (undecided 1)"),
        (KEPT, [trial(*VAGUE)], "unknown", "kept 0 of 1 (undecided 1)"),
        (KEPT, [trial(*FINE), trial(*TWICE)], "claim broken", "kept 1 of 2 (broken 1)"),
        (KEPT, [trial(*FINE, status="not exercised")], "unknown", "kept 0 of 1 (undecided 1)"),
        (KEPT, [trial(*FINE), trial(*TWICE, status="harness error")], "as claimed", "kept 1 of 1"),
        (KEPT, [trial(status="harness error")], "harness error", "kept 0 of 0"),
        (KEPT, [], "not measured", "not measured"),
        (LOST, [trial(*STAYED), trial(*FINE)], "as claimed", "lost 1 of 2"),
        (LOST, [trial(*TWICE)], "not demonstrated", "lost 0 of 1 (undecided 1)"),
        (LOST, [trial(*FINE)], "not demonstrated", "lost 0 of 1"),
        (OPEN, [trial(*FINE), trial(*TWICE)], "measured", "broken 1 of 2"),
    ],
)
def test_a_claim_against_its_trials(claim: Claim, trials: list[TrialResult], standing: Standing, observed: str) -> None:
    found = finding(claim, trials)
    assert (found.standing, found.observed()) == (standing, observed)


def test_what_breaks_though_nothing_is_claimed_of_it_is_told() -> None:
    kept_lease, lost_exclusion = (Cell(LOCK, "redis-single", PAUSE_BEYOND, (claim,)) for claim in (KEPT, LOST))
    assert surprises(kept_lease, [trial(*TWICE), trial(*STAYED)]) == {EXCLUSION: 2}
    assert surprises(lost_exclusion, [trial(*TWICE), trial(told("recovery", "invalid"))]) == {"recovery": 1}
    assert surprises(Cell(LOCK, "redis-single", PAUSE_BEYOND), [trial(*STAYED)]) == {EXCLUSION: 1}


def test_numbers_are_of_all_trials_together() -> None:
    trials = [trial(*FINE), trial(*STAYED), trial(*TWICE)]
    assert numbers.violations_per_1000_holds(trials) == pytest.approx(1000 * 6 / 140)
    assert numbers.violations_per_1000_holds([trial(*VAGUE)]) is None
    assert dict(numbers.ways(trials)) == {"overstay": 1, "double-grant": 1, "lease: double-grant": 1}
    assert numbers.harm(trials) == [("lost updates", 2)]
    assert numbers.recovery(trials) == [40.0, math.inf]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], ""),
        ([120.4], "120"),
        ([100.0, 300.0, 110.0], "110 (100–300)"),
        ([100.0, math.inf, 110.0], "110 (100–never)"),
        ([math.inf], "never"),
    ],
)
def test_median_and_range(values: list[float], text: str) -> None:
    assert numbers.middle(values) == text


def test_the_page_shows_every_cell_and_lists_what_stands_against_a_claim() -> None:
    (again,) = kept("recovery", "a manual", HOLDER_KILLED)
    rows = [
        Row(
            Cell(LOCK, "redis-single", PAUSE_BEYOND, (KEPT, LOST)),
            (trial(*TWICE), trial(*FINE)),
            versions={"redis": "7"},
        ),
        Row(Cell(LOCK, "redis-single", HOLDER_KILLED, (again,))),
        Row(Cell(LOCK, "redis-single", NO_FAULT), unsupported="no server"),
        Row(Cell(LOCK, "redis-sentinel", NO_FAULT), failed="nobody\nled | at all"),
    ]
    text = page(rows, "lockquake claims --measure DIR")
    lines = text.splitlines()
    assert "`lockquake claims --measure DIR`" in text
    assert "1 of 4 cells measured (1 with 2 trials each)" in text
    assert "Versions: redis 7." in lines
    (paused,) = [line for line in lines if line.startswith("| redis-single | holder paused for 2 leases")]
    assert "lease kept [1]<br>mutual-exclusion **lost** (overstay) [2]" in paused
    assert "kept 1 of 2 (broken 1)<br>lost 0 of 2 (undecided 1)" in paused
    assert [line.count("not measured") for line in lines if "| holder killed" in line] == [1]
    assert "unsupported: no server" in text
    assert "harness error: nobody led / at all" in text
    broken, never = text.index("### Claims that do not hold"), text.index("### Claimed to be lost, and never seen")
    assert "lease is claimed to be kept (a manual)" in text[broken:never]
    assert "mutual-exclusion is claimed to be lost (an article)" in text[never:]
    assert max(len(line) for line in lines if not line.startswith(("|", "-"))) <= 120
