"""The report a person reads in a terminal or a CI log, in the order in which one asks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import structs

from checker.case import Case, cases
from checker.report.critical_path import critical_path
from checker.report.harmless import harmless, one_line
from checker.report.numbers import numbers
from checker.report.picture import picture
from checker.verdict import BADNESS, Figure, Verdict
from checker.windows import Window, read_windows
from histories.read import History

WIDTH = 100
MOST_HARM = 5
"""So many kinds of harm are told at the top; every verdict tells its own below."""
MANY = 5
"""Of more locks than that, verdicts that are alike share one entry."""
ORDER = (
    "mutual-exclusion", "fencing-at-ledger", "conservation", "duplicates", "single-runner", "lost-update",
    "owner-safe-release", "lease", "linearizability", "refusal-justified", "re-entry", "self-block",
)  # fmt: skip
"""Of several violations the one that is shown first."""

__all__ = ["harmless", "one_line", "summary"]


def summary(
    history: History, verdicts: Sequence[Verdict], found: Sequence[Case] | None = None, *, unicode: bool = False
) -> str:
    """The worst violation with picture, critical path and evidence at the resource; then every verdict, worst first.

    ``found``: the history's cases, where somebody has taken it apart already. Plain ASCII but for what names in the
    history hold; safe to print (see :mod:`checker.report.harmless`).
    """
    lines = [_heading(history)]
    broken = sorted((v for v in verdicts if v.validity == "invalid"), key=_prominence)
    if broken:
        case = _case(history, broken[0], found)
        harm = list(dict.fromkeys(verdict.tally for verdict in broken if verdict.tally))
        lines += [*_shown(case, broken[0], harm, unicode), ""]
    ranked = sorted(verdicts, key=lambda verdict: -BADNESS[verdict.validity])
    lines += [line for alike in _grouped(ranked) for line in _alike(alike)]
    of_locks = [verdict.figures for verdict in verdicts if verdict.property == "mutual-exclusion"]
    lines += [line for figures in of_locks[:1] for line in _figures(figures, read_windows(history.rows))]
    lines += [f"note: {one_line(remark)}" for remark in history.remarks]
    return harmless("\n".join(lines))


def _prominence(verdict: Verdict) -> int:
    return ORDER.index(verdict.property) if verdict.property in ORDER else len(ORDER)


def _heading(history: History) -> str:
    plan: dict[str, Any] = history.header.plan
    parts = []
    if plan.get("lock"):
        parts.append(f"{str(plan['lock']).rpartition('/')[2]}@{plan.get('cluster', '?')}")
    if plan.get("workload") not in {None, "contend"}:
        parts.append(f"workload {plan['workload']}")
    if history.header.platform:
        parts.append(f"platform {history.header.platform}")
    if plan:
        parts.append(f"seed {history.header.seed}")
    return one_line(", ".join(parts) or f"history {history.source or ''}".rstrip())


def _shown(case: Case | None, verdict: Verdict, harm: Sequence[str], unicode: bool) -> Iterator[str]:
    """One violation in full, and what all of them together did."""
    yield from _wrapped(f"{verdict.property}: {verdict.sentence}", "")
    if case is not None:
        yield ""
        yield picture(case, verdict, unicode=unicode)
    yield ""
    yield "Critical path (time since the trial began)"
    yield from critical_path(verdict)
    if case is not None and (said := _at_the_ledger(case)):
        yield ""
        yield said
    for said in harm[:MOST_HARM]:
        yield from _wrapped(f"Harm: {said}", "")
    if verdict.assumptions:
        yield ""
        yield from _wrapped(f"Read as: {'; '.join(verdict.assumptions)}", "")


def _case(history: History, verdict: Verdict, found: Sequence[Case] | None) -> Case | None:
    """The case a verdict is about; None where the history cannot be taken apart (then the verdict says so)."""
    try:
        found = cases(history) if found is None else found
        return next((case for case in found if case.lock == verdict.lock), None)
    except Exception:
        return None


def _at_the_ledger(case: Case) -> str:
    if not case.ledger:
        return ""
    accepted = sum(row.accepted for row in case.ledger)
    return f"At the ledger: writes accepted {accepted}, rejected {len(case.ledger) - accepted}"


def _grouped(ranked: Sequence[Verdict]) -> Iterator[list[Verdict]]:
    """Verdicts of one property and validity on many locks together, each other one alone."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in ranked:
        groups.setdefault((verdict.validity, verdict.property), []).append(verdict)
    for alike in groups.values():
        yield from [alike] if len(alike) > MANY else [[verdict] for verdict in alike]


def _alike(verdicts: Sequence[Verdict]) -> list[str]:
    if len(verdicts) == 1:
        return _verdict(verdicts[0])
    first = verdicts[0]
    return _verdict(structs.replace(first, sentence=f"{len(verdicts)} locks, the first: {first.sentence}"))


def _verdict(verdict: Verdict) -> list[str]:
    word = verdict.validity.upper() if verdict.validity == "invalid" else verdict.validity
    said = f"{verdict.tally} ({verdict.sentence})" if verdict.tally else verdict.sentence
    return _wrapped(f"{word:<8} {verdict.property}: {said}", " " * 9)


def _figures(figures: dict[str, Figure], windows: Sequence[Window]) -> Iterator[str]:
    for subject, told in numbers(figures, windows):
        first = "" if subject == "figures" else " " * 9
        text = one_line(f"{subject}: {told}")
        yield from textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * 11, break_on_hyphens=False)


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(one_line(text), WIDTH, subsequent_indent=indent, break_on_hyphens=False)
