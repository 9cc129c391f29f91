"""Fault windows: from when a fault was asked for to when its heal was proven."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from histories.columns import NEVER
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


class Aimed:
    """Which processes the faults singled out when."""

    def __init__(self, windows: Sequence[Window], process: Callable[[str], str]) -> None:
        """``windows`` in order of asking; ``process``: that of a name."""
        self._asked: dict[str, list[int]] = defaultdict(list)
        self._healed: dict[str, list[int]] = defaultdict(lambda: [-NEVER])
        for window in windows:
            for name in {process(target) for target in window.targets}:
                self._asked[name].append(window.asked)
                self._healed[name].append(max(self._healed[name][-1], window.healed))

    def meets(self, process: str, start: int, end: int) -> bool:
        """Whether a fault that targeted the process was (possibly) in force somewhere in [start, end] (ns)."""
        return process in self._asked and self._healed[process][bisect_right(self._asked[process], end)] >= start


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
