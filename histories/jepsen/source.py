"""The file that is read: names itself in errors, and collects what the reader has to say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from histories.errors import HistoryError


@dataclass(frozen=True)
class Source:
    """``remarks``: the caller's list, which is added to."""

    path: Path
    remarks: list[str]

    def error(self, line: int, what: str) -> HistoryError:
        """The error to raise for what stands on a line."""
        return HistoryError(f"{self.path}: line {line}: {what}")

    def say(self, what: str) -> None:
        """Add a remark."""
        self.remarks.append(f"{self.path.name}: {what}")
