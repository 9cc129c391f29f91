"""The numbers of a cell over all its trials: violations per 1,000 holds, kind and cause, harm, recovery times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from checker.properties import mutual_exclusion
from checker.verdict import Figure, Verdict
from lockquake.trial import TrialResult

HARM: tuple[tuple[str, str], ...] = (
    ("lost_updates", "lost updates"),
    ("stale_writes", "stale writes accepted"),
    ("foreign_releases", "foreign releases"),
)
"""Figures of verdicts that count harm, and what they are called."""
RECOVERY = "recovery_ms_f"
NEVER = "never"


def figures(result: TrialResult) -> dict[str, Figure]:
    """All figures of a trial's verdicts; of the same name the first."""
    merged: dict[str, Figure] = {}
    for verdict in result.verdicts:
        for name, value in verdict.figures.items():
            merged.setdefault(name, value)
    return merged


def violations_per_1000_holds(results: Sequence[TrialResult]) -> float | None:
    """Pairs of holds that overlapped, per 1,000 holds of all trials; None without holds."""
    told = [verdict.figures for result in results for verdict in result.verdicts if _is_exclusion(verdict)]
    holds = _sum(told, "holds")
    return 1000 * _sum(told, "overlaps") / holds if holds else None


def ways(results: Sequence[TrialResult]) -> list[tuple[str, int]]:
    """How properties were broken (``overstay by lease-ran-out``), and in how many trials, most frequent first."""
    found: Counter[str] = Counter()
    for result in results:
        found.update({_way(verdict) for verdict in result.verdicts if verdict.validity == "invalid"})
    return found.most_common()


def harm(results: Sequence[TrialResult]) -> list[tuple[str, int]]:
    """What was harmed, in words, and how often in all trials together."""
    told = [figures(result) for result in results]
    counted = [(words, int(_sum(told, name))) for name, words in HARM]
    return [(words, count) for words, count in counted if count]


def recovery(results: Sequence[TrialResult]) -> list[float]:
    """Per trial with a fault: ms from the proven heal of its last fault to the next grant; inf where none came."""
    found = []
    for result in results:
        told = figures(result)
        of_faults = sorted(name for name in told if name.startswith(RECOVERY))
        if of_faults:
            value = told[of_faults[-1]]
            found.append(math.inf if value == NEVER else float(value))
    return found


def middle(values: Sequence[float]) -> str:
    """``120 (80–300)``: the median and the range; ``never`` for inf."""
    if not values:
        return ""
    low, high = min(values), max(values)
    text = _ms(median(values))
    return text if low == high else f"{text} ({_ms(low)}–{_ms(high)})"


def _ms(value: float) -> str:
    return NEVER if math.isinf(value) else f"{value:.0f}"


def _is_exclusion(verdict: Verdict) -> bool:
    return verdict.property == mutual_exclusion.NAME


def _way(verdict: Verdict) -> str:
    kind = " ".join(part for part in (verdict.kind, verdict.sub_kind and f"({verdict.sub_kind})") if part)
    how = " ".join(part for part in (kind, verdict.cause and f"by {verdict.cause}") if part)
    if _is_exclusion(verdict) and how:
        return how
    return f"{verdict.property}: {how}" if how else verdict.property


def _sum(told: Iterable[dict[str, Figure]], name: str) -> float:
    return sum(float(figure) for each in told if not isinstance(figure := each.get(name, 0), str))
