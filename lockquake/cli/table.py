"""The table at the end of a run or campaign: one block per trial, readable in a CI log and at 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from checker.report.text import harmless, one_line
from checker.verdict import Verdict
from lockquake.trial import TrialResult

WIDTH = 110
MOST_TALLIES = 4
_ORDER = {"invalid": 0, "unknown": 1, "valid": 2}


def telling(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The verdict that says most: a broken mutual exclusion, else the first invalid, else the first unknown, else
    mutual exclusion."""
    ranked = sorted(verdicts, key=lambda v: (_ORDER[v.validity], v.property != "mutual-exclusion"))
    return ranked[0] if ranked else None


def figures(verdicts: Sequence[Verdict]) -> str:
    """The few numbers worth a column: holds, overlaps, longest overlap, stale writes."""
    merged: dict[str, object] = {}
    for verdict in verdicts:
        for key, value in verdict.figures.items():
            merged.setdefault(key, value)
    wanted = (("holds", "holds"), ("overlaps", "overlaps"), ("max_overlap_ms", "ms overlap"))
    parts = [f"{_number(merged[key])} {word}" for key, word in wanted if merged.get(key)]
    return ", ".join(parts)


def _number(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def verdict_words(verdict: Verdict | None, fallback: str) -> tuple[str, str]:
    """(verdict, kind and cause) of a trial's telling verdict."""
    if verdict is None:
        return fallback, ""
    kind = " ".join(part for part in (verdict.kind, verdict.sub_kind and f"({verdict.sub_kind})") if part)
    cause = f"by {verdict.cause}" if verdict.cause else ""
    name = "" if verdict.property == "mutual-exclusion" and verdict.kind else verdict.property
    return verdict.validity, " ".join(part for part in (name, kind, cause) if part)


def _tallies(verdicts: Sequence[Verdict]) -> list[str]:
    """What the violations did where the lock protects something; where there are none, what it came to."""
    told = [v for v in verdicts if v.tally]
    harm = [f"harm: {v.tally}" for v in told if v.validity == "invalid"]
    return list(dict.fromkeys(harm or [str(v.tally) for v in told]))


def block(result: TrialResult, standing: str | None = None, note: str = "") -> str:
    """One trial as a row and, under it, the witness in one sentence."""
    chosen = telling(result.verdicts) if result.status in {"valid", "invalid", "unknown"} else None
    word, what = verdict_words(chosen, result.status)
    if result.status not in {"valid", "invalid", "unknown"}:
        word = result.status
    left = result.plan.title
    numbers = figures(result.verdicts)
    head = f"{left:<62} {word.upper() if word == 'invalid' else word:<8} {what}"
    tail = "  ".join(part for part in (standing and f"[{standing}]", note, numbers) if part)
    lines = [harmless(head.rstrip())]
    if tail:
        lines.append(f"    {harmless(tail)}")
    lines += [f"    {harmless(one_line(said))}" for said in _tallies(result.verdicts)[:MOST_TALLIES]]
    witness = chosen.sentence if chosen and chosen.validity != "valid" else ""
    for sentence in (witness, f"{'harness: ' if witness else ''}{result.message}" if result.message else ""):
        lines += textwrap.wrap(one_line(sentence), WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)
