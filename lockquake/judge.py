"""From files to verdicts: the same for a trial that just ended and for `lockquake check` years later."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from checker import examine
from checker.harness import not_exercised, unsupported
from checker.report.text import one_line, summary
from checker.verdict import SCHEMA_VERSION, Verdict, worst
from histories.read import History, read
from histories.spec import Spec

Status = Literal["valid", "invalid", "unknown", "harness error", "not exercised", "unsupported"]

EXIT_CODES: dict[str, int] = {
    "valid": 0,
    "invalid": 1,
    "unknown": 2,
    "not exercised": 2,
    "harness error": 3,
    "unsupported": 4,
}
NOTHING_TESTED = 4
WORST_FIRST = (1, 3, 2, NOTHING_TESTED, 0)
"""Of several results a violation wins, then a harness error, then unknown."""


def worst_code(codes: list[int]) -> int:
    """The exit code of several results; 4 when there is none (nothing was tested)."""
    return next((code for code in WORST_FIRST if code in codes), NOTHING_TESTED)


@dataclass
class Judgement:
    """A history's verdicts and what they amount to. ``text`` is the report a person reads; ``platform`` where it was
    recorded."""

    status: Status
    verdicts: list[Verdict] = field(default_factory=list)
    message: str = ""
    text: str = ""
    platform: str = ""

    def data(self) -> dict[str, Any]:
        """As plain data: schema version, platform, status, message, verdicts (what ``verdicts.json`` holds)."""
        return {
            "version": SCHEMA_VERSION,
            "platform": self.platform,
            "status": self.status,
            "message": self.message,
            "verdicts": msgspec.to_builtins(self.verdicts),
        }


def judge(path: Path, spec: Spec | None = None, only: list[str] | None = None) -> Judgement:
    """Judge a run directory or history file; a run directory gets its verdicts.json and report.txt.

    Raises HistoryError when it cannot be read.
    """
    history = read(path, spec)
    found = examine(history, only)
    judgement = Judgement(worst(found.verdicts), found.verdicts, platform=history.header.platform)
    _harness(history, found.problems, judgement)
    judgement.text = _headline(judgement) + summary(history, found.verdicts, found.cases)
    if path.is_dir() and spec is None and only is None:
        (path / "verdicts.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(judgement.data()), indent=2) + b"\n"
        )
        (path / "report.txt").write_text(judgement.text + "\n", encoding="utf-8")
    return judgement


def _headline(judgement: Judgement) -> str:
    """What must be read before the verdicts, where they are not the whole story."""
    if judgement.status in EXIT_CODES and judgement.message:
        where = "" if judgement.status == "invalid" else "; the lines below say nothing about the lock"
        return f"{judgement.status.upper()}: {one_line(judgement.message)}{where}\n\n"
    return ""


def _harness(history: History, problems: list[str], judgement: Judgement) -> None:
    """A found violation stays one (what did not come in time is none then: the checker excuses it); otherwise what went
    wrong with the experiment itself decides."""
    if judgement.status == "invalid":
        judgement.message = f"besides, the experiment itself went wrong: {problems[0]}" if problems else ""
    elif problems:
        judgement.status, judgement.message = "harness error", problems[0]
    elif reasons := unsupported(history):
        judgement.status, judgement.message = "unsupported", reasons[0]
    elif missing := not_exercised(history):
        judgement.status, judgement.message = "not exercised", missing[0]
