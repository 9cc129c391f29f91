"""How far a server's wall clock is from ours, by its own word."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple


class Ahead(NamedTuple):
    """Between which two numbers of seconds a wall clock is ahead of ours (negative: behind)."""

    least: float
    most: float

    def __str__(self) -> str:
        return f"{(self.least + self.most) / 2:+.3f} s"

    @property
    def width(self) -> float:
        """How much is left open (s): the time that the question took."""
        return self.most - self.least

    def may_be(self, seconds: float, precision: float) -> bool:
        """Whether it may be ``seconds`` ahead, where what was said may be wrong by ``precision`` seconds."""
        return self.least - precision <= seconds <= self.most + precision


def compare(ask: Callable[[], float]) -> Ahead:
    """``ask`` gives the other wall time (seconds since the epoch), read between its call and its return."""
    early = time.time()
    said = ask()
    return Ahead(said - time.time(), said - early)
