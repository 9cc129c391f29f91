"""What a cell's trials make of its claims: k of n, and what stands against what was claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from checker.verdict import Verdict
from lockquake.claims.cells import Cell
from lockquake.expectation import EXIT_CODES, Expectation, Standing, shown
from lockquake.trial import TrialResult
from nuclei.locks.claims import Claim

Said = Literal["kept", "broken", "undecided"]
FOLLOWS = {"mutual-exclusion": frozenset({"lease", "linearizability"}), "recovery": frozenset({"orphan"})}
"""What is no surprise once a property is claimed to be lost: the same failure, seen from another side."""
JUDGED = frozenset({"valid", "invalid", "unknown", "not exercised"})
"""Trials that count: everything else says nothing about the lock."""


@dataclass(frozen=True)
class Finding:
    """One claim against ``of`` trials: ``as_said`` of them came as claimed, ``against`` came otherwise for certain.
    ``verdicts``: those that say so, each with the trial it is from."""

    claim: Claim
    standing: Standing
    as_said: int
    against: int
    of: int
    verdicts: tuple[tuple[Verdict, TrialResult], ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it stands against the claim, as the exit code says: broken, or never broken though lost."""
        return EXIT_CODES[self.standing] != 0

    def observed(self) -> str:
        """``kept 3 of 3``; for a claim that did not come true also what came instead."""
        if self.standing == "not measured":
            return "not measured"
        if self.claim.verdict == "unclaimed":
            return f"broken {self.against} of {self.of}"
        word = "kept" if self.claim.verdict == "kept" else "lost"
        rest = self.of - self.as_said - self.against
        tail = [f"broken {self.against}"] if self.claim.verdict == "kept" and self.against else []
        tail += [f"undecided {rest}"] if rest else []
        return f"{word} {self.as_said} of {self.of}" + (f" ({', '.join(tail)})" if tail else "")


def judged(results: Sequence[TrialResult]) -> list[TrialResult]:
    """The trials that say something about the lock: nothing went wrong with the experiment itself."""
    return [result for result in results if result.status in JUDGED and not result.harness]


def findings_of(cell: Cell, results: Sequence[TrialResult]) -> list[Finding]:
    """One per claim of the cell."""
    return [finding(claim, results) for claim in cell.claims]


def finding(claim: Claim, results: Sequence[TrialResult]) -> Finding:
    """One claim against all trials of its cell."""
    trials = judged(results)
    kept = [result for result in trials if _said(claim.property, result) == "kept"]
    broken = [(verdict, result) for result in trials if (verdict := _violation(claim, result)) is not None]
    if claim.verdict == "lost":
        as_said, against = len(broken), len(kept)
    else:
        as_said, against = len(kept), len(broken)
    return Finding(claim, _standing(claim, as_said, len(broken), trials, results), as_said, against, len(trials),
                   tuple(broken))  # fmt: skip


def _standing(
    claim: Claim, as_said: int, broken: int, trials: Sequence[TrialResult], results: Sequence[TrialResult]
) -> Standing:
    if not trials:
        return "harness error" if results else "not measured"
    if claim.verdict == "unclaimed":
        return "measured"
    if claim.verdict == "kept":
        return "claim broken" if broken else "as claimed" if as_said else "unknown"
    return "as claimed" if as_said else "not demonstrated"


def _violation(claim: Claim, result: TrialResult) -> Verdict | None:
    """The verdict that breaks the claim's property; in the way that is claimed, where it is claimed to be lost."""
    way = (claim.kind, claim.cause) if claim.verdict == "lost" else (None, None)
    return shown(Expectation(verdict="invalid", property=claim.property, kind=way[0], cause=way[1]), result.verdicts)


def _said(name: str, result: TrialResult) -> Said:
    """What a trial says of a property. One that the fault never reached says nothing in its favour."""
    verdicts = [verdict for verdict in result.verdicts if verdict.property == name]
    if any(verdict.validity == "invalid" for verdict in verdicts):
        return "broken"
    exercised = result.status != "not exercised"
    return "kept" if exercised and verdicts and all(v.validity == "valid" for v in verdicts) else "undecided"


def surprises(cell: Cell, results: Sequence[TrialResult]) -> dict[str, int]:
    """Properties that were broken though nothing was claimed of them here, and in how many trials."""
    spoken = {claim.property for claim in cell.claims if claim.verdict != "unclaimed"}
    spoken |= {name for claim in cell.claims if claim.verdict == "lost" for name in FOLLOWS.get(claim.property, ())}
    found: dict[str, int] = {}
    for result in judged(results):
        for name in {v.property for v in result.verdicts if v.validity == "invalid"} - spoken:
            found[name] = found.get(name, 0) + 1
    return dict(sorted(found.items()))
