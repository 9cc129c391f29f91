"""The properties there are, when each applies, and how it is judged. What applies follows from the header's spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from checker.case import Case
from checker.properties import mutual_exclusion
from checker.verdict import Verdict
from histories.spec import Spec


@dataclass(frozen=True)
class Property:
    """``judge`` gives None where the history holds no occasion for the property (nobody was told of a loss, …)."""

    name: str
    meaning: str
    applies: Callable[[Spec], bool]
    judge: Callable[[Case], Verdict | None]


def _always(spec: Spec) -> bool:
    return True


PROPERTIES: tuple[Property, ...] = (
    Property(mutual_exclusion.NAME, "no two clients are inside at once", _always, mutual_exclusion.judge),
)
"""In the order of reports."""


def find(name: str) -> Property | None:
    """The property of that name."""
    return next((entry for entry in PROPERTIES if entry.name == name), None)
