"""Violations as they are found, many locks' at once, and which of them each lock's answer names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker.linear.line import Line
from checker.linear.operations import Answer
from checker.order import Rows, firsts

KINDS = ("double-grant", "limit-exceeded", "release-not-held", "lost-lock", "foreign-release", "refused-while-free")
"""What an answer names first: two holders are worse than a wrong refusal, and where holds do not follow one another
nothing can be said about refusals."""


class _Found(NamedTuple):
    kind: int
    why: str
    moments: NDArray[np.int64]
    witness: tuple[Rows, ...]


class Findings:
    """Violations of the locks on a line."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._found: list[_Found] = []

    def add(self, kind: str, why: str, moments: NDArray[np.int64], *witness: Rows) -> None:
        """Violations of one kind, column by column. ``moments``: when each showed. ``witness``: places; −1 for none,
        never first."""
        if len(moments):
            self._found.append(_Found(KINDS.index(kind), why, moments, witness))

    def locks(self) -> set[int]:
        """The locks (places among ``line.locks``) that are known to be wrong."""
        return {int(lock) for found in self._found for lock in np.unique(self.line.lock_of(found.witness[0]))}

    def answers(self) -> dict[int, Answer]:
        """By number of the lock: the first of KINDS that was found, and of those the one that showed first."""
        if not self._found:
            return {}
        kind = np.concatenate([np.full(len(found.moments), found.kind) for found in self._found])
        group = np.concatenate([np.full(len(found.moments), number) for number, found in enumerate(self._found)])
        number = np.concatenate([np.arange(len(found.moments)) for found in self._found])
        place = np.concatenate([found.witness[0] for found in self._found])
        moment = np.concatenate([found.moments for found in self._found])
        lock = self.line.lock_of(place)
        order = np.lexsort((place, moment, kind, lock))
        best = order[firsts(lock[order])]
        return {
            int(self.line.locks[lock[one]]): self._answer(self._found[group[one]], int(number[one])) for one in best
        }

    def _answer(self, found: _Found, number: int) -> Answer:
        places = np.array([column[number] for column in found.witness])
        rows = self.line.original(places[places >= 0])
        return Answer(False, KINDS[found.kind], found.why, tuple(rows.tolist()))
