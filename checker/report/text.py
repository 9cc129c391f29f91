"""The report a person reads in a terminal or a CI log."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from checker.report.harmless import harmless, one_line
from checker.verdict import BADNESS, Verdict
from histories.read import History

WIDTH = 100

__all__ = ["harmless", "summary"]


def summary(history: History, verdicts: Sequence[Verdict]) -> str:
    """What happened, worst first: the sentence of each verdict, the picture and critical path of the violation."""
    ranked = sorted(verdicts, key=lambda verdict: -BADNESS[verdict.validity])
    lines = [line for verdict in ranked for line in _verdict(verdict)]
    lines += [f"note: {one_line(remark)}" for remark in history.remarks]
    return harmless("\n".join(lines))


def _verdict(verdict: Verdict) -> list[str]:
    head = f"{verdict.validity.upper() if verdict.validity == 'invalid' else verdict.validity:<8} {verdict.property}: "
    return textwrap.wrap(head + one_line(verdict.sentence), WIDTH, subsequent_indent=" " * 9)
