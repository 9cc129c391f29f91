"""The report a person reads in a terminal or a CI log, in the order in which one asks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from checker.case import Case, cases
from checker.report.critical_path import critical_path
from checker.report.harmless import harmless, one_line
from checker.report.picture import picture
from checker.verdict import BADNESS, Figure, Verdict
from histories.read import History

WIDTH = 100
ORDER = ("mutual-exclusion", "fencing-at-ledger", "owner-safe-release", "lease", "linearizability")
"""Of several violations the one that is shown first."""

__all__ = ["harmless", "one_line", "summary"]


def summary(history: History, verdicts: Sequence[Verdict], *, unicode: bool = False) -> str:
    """The worst violation with picture, critical path and evidence at the resource; then every verdict, worst first.

    Plain ASCII but for what names in the history hold; safe to print (see :mod:`checker.report.harmless`).
    """
    lines = [_heading(history)]
    broken = sorted((v for v in verdicts if v.validity == "invalid"), key=_prominence)
    if broken:
        lines += [*_shown(history, broken[0], unicode), ""]
    ranked = sorted(verdicts, key=lambda verdict: -BADNESS[verdict.validity])
    lines += [line for verdict in ranked for line in _verdict(verdict)]
    numbers = [verdict.figures for verdict in verdicts if verdict.property == "mutual-exclusion"]
    lines += [line for figures in numbers[:1] for line in _figures(figures)]
    lines += [f"note: {one_line(remark)}" for remark in history.remarks]
    return harmless("\n".join(lines))


def _prominence(verdict: Verdict) -> int:
    return ORDER.index(verdict.property) if verdict.property in ORDER else len(ORDER)


def _heading(history: History) -> str:
    plan: dict[str, Any] = history.header.plan
    parts = []
    if plan.get("lock"):
        parts.append(f"{plan['lock']}@{plan.get('cluster', '?')}")
    if history.header.platform:
        parts.append(f"platform {history.header.platform}")
    if plan:
        parts.append(f"seed {history.header.seed}")
    return one_line(", ".join(parts) or f"history {history.source or ''}".rstrip())


def _shown(history: History, verdict: Verdict, unicode: bool) -> Iterator[str]:
    """One violation in full."""
    yield from _wrapped(f"{verdict.property}: {verdict.sentence}", "")
    case = _case(history, verdict)
    if case is not None:
        yield ""
        yield picture(case, verdict, unicode=unicode)
    yield ""
    yield "Critical path (time since the trial began)"
    yield from critical_path(verdict)
    if case is not None and (said := _at_the_ledger(case)):
        yield ""
        yield said
    if verdict.assumptions:
        yield ""
        yield from _wrapped(f"Read as: {'; '.join(verdict.assumptions)}", "")


def _case(history: History, verdict: Verdict) -> Case | None:
    """The case a verdict is about; None where the history cannot be taken apart (then the verdict says so)."""
    try:
        return next((case for case in cases(history) if case.lock == verdict.lock), None)
    except Exception:
        return None


def _at_the_ledger(case: Case) -> str:
    if not case.ledger:
        return ""
    accepted = sum(row.accepted for row in case.ledger)
    return f"At the ledger: writes accepted {accepted}, rejected {len(case.ledger) - accepted}"


def _verdict(verdict: Verdict) -> list[str]:
    word = verdict.validity.upper() if verdict.validity == "invalid" else verdict.validity
    return _wrapped(f"{word:<8} {verdict.property}: {verdict.sentence}", " " * 9)


def _figures(figures: dict[str, Figure]) -> list[str]:
    told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in figures.items())
    return _wrapped(f"figures: {told}", " " * 9)


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(one_line(text), WIDTH, subsequent_indent=indent, break_on_hyphens=False)
