"""Fault windows: from when a fault was asked for to when its heal was proven."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from checker.calls import NEVER
from histories.rows import Event, Fault


@dataclass
class Window:
    """One fault's life, times in ns; NEVER for a step that did not come. ``trouble``: unproven or unhealed, and why."""

    fault: str
    name: str
    asked: int
    proven: int = NEVER
    heal_asked: int = NEVER
    healed: int = NEVER
    targets: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    evidence: str | None = None
    healing: str | None = None
    trouble: str | None = None

    @property
    def effective(self) -> int:
        """From when on it was certainly in force; when it was asked for, where that was never proven."""
        return self.proven if self.proven != NEVER else self.asked

    def meets(self, start: int, end: int) -> bool:
        """Whether it was (possibly) in force somewhere in [start, end]."""
        return self.asked <= end and self.healed >= start

    def label(self) -> str:
        """Its name and targets."""
        return f"{self.name} on {', '.join(self.targets)}" if self.targets else self.name


def read_windows(rows: Iterable[Event]) -> list[Window]:
    """The fault windows of a history, in order of asking."""
    windows: dict[str, Window] = {}
    for row in rows:
        if not isinstance(row, Fault):
            continue
        window = windows.setdefault(row.fault, Window(row.fault, row.name, asked=row.t, params=dict(row.params)))
        window.targets = list(row.targets) or window.targets
        match row.state:
            case "proven":
                window.proven, window.evidence = row.t, row.evidence
            case "heal-asked":
                window.heal_asked = row.t
            case "healed":
                window.healed, window.healing = row.t, row.evidence
            case "unproven" | "unhealed":
                window.trouble = f"{row.state}: {row.evidence or 'no observation was given'}"
            case _:
                pass
    return sorted(windows.values(), key=lambda window: window.asked)
