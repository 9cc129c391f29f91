"""How much a search may cost, and what it did cost. Out of budget means undecided, never a guess."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

BYTES = 420
"""What a configuration takes at most (tuples, whole numbers, its share of the tables and of the order so far).
Measured: 100–150 per configuration made, as many are replaced at once."""


@dataclass(frozen=True, slots=True)
class Budget:
    """``configurations``: how many may be made altogether. ``bytes``: estimated, at any one time. ``seconds``: of wall
    clock."""

    configurations: int = 5_000_000
    bytes: int = 1 << 30
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Effort:
    """What a search did cost: configurations made, the most in memory at one time, seconds of wall clock."""

    configurations: int = 0
    widest: int = 0
    seconds: float = 0.0


NO_EFFORT = Effort()


class Spent(Exception):
    """The budget is used up; the message says of what."""


@dataclass(slots=True)
class Meter:
    """Counts what a search costs. Raises :class:`Spent`."""

    budget: Budget
    configurations: int = 0
    widest: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the search began."""
        return time.monotonic() - self.started

    def charge(self, made: int, alive: int) -> None:
        """``made`` configurations more, ``alive`` of them are in memory now."""
        self.configurations += made
        self.widest = max(self.widest, alive)
        if self.configurations > self.budget.configurations:
            raise Spent(f"{self.budget.configurations} configurations")
        if alive * BYTES > self.budget.bytes:
            raise Spent(f"{self.budget.bytes >> 20} MB")
        if self.seconds > self.budget.seconds:
            raise Spent(f"{self.budget.seconds:g} s")

    def effort(self) -> Effort:
        """What was spent so far."""
        return Effort(self.configurations, self.widest, self.seconds)
