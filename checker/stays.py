"""What is known of one lock while rows still come: who was inside it for certain, and where that clashes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from checker.timeline import Timeline
from histories.columns import NEVER
from histories.rows import Call
from histories.spec import Spec

READERS = "shared"
FEW = 64
"""So many stays that are over are not worth looking through."""


@dataclass(frozen=True, slots=True)
class Inside:
    """Who was inside, by which acquire, since when (ns)."""

    client: str
    attempt: str
    entered: int


@dataclass(frozen=True, slots=True)
class Meeting:
    """``holders`` were inside ``lock`` together at ``t`` (ns), in order of entering."""

    lock: str
    t: int
    holders: tuple[Inside, ...]

    def __str__(self) -> str:
        *others, last = (holder.client for holder in self.holders)
        return f"{', '.join(others)} and {last} were inside {self.lock} together"


@dataclass(slots=True, eq=False)
class Stay:
    """One inside. ``known``: until when it lasted for certain, ns. ``left``: when its client's own rows end it."""

    lock: LockLine
    client: str
    process: str
    attempt: str
    entered: int
    known: int
    left: int = NEVER
    claim: Any = None

    @property
    def inside(self) -> Inside:
        """Who it is, for a meeting."""
        return Inside(self.client, self.attempt, self.entered)


@dataclass(slots=True, eq=False)
class LockLine:
    """One lock's timeline. ``over``: stays of which no more will be known, kept because rows that are late may meet
    them. ``full``: how many of them are worth looking for some that can be forgotten."""

    name: str
    spec: Spec
    timeline: Timeline[Any]
    over: list[Stay] = field(default_factory=list)
    full: int = field(default_factory=lambda: FEW)
    _horizon: int = -NEVER

    def enter(self, process: str, asked: Call, t: int) -> Stay:
        """Somebody is let in at ``t`` (ns); ``process``: that of its client, ``asked``: its acquire."""
        stay = Stay(self, asked.client, process, asked.attempt, t, t)
        if self.spec.permits > 1:
            stay.claim = asked.permits
        elif self.spec.read_write:
            stay.claim = READERS if asked.mode == "shared" else stay
        else:
            stay.claim = process
        return stay

    def extend(self, stay: Stay, until: int) -> int | None:
        """It was inside until ``until`` (ns) for certain. Returns the first moment that others forbid, if any."""
        begin, stay.known = max(stay.known, self._horizon), until
        return self.timeline.lay(begin, until, stay.claim)

    def meeting(self, t: int, more: Iterable[Stay]) -> Meeting:
        """Who is known to have been inside at ``t`` (ns); ``more``: those that are not over."""
        here = [stay for stay in (*self.over, *more) if stay.lock is self and stay.entered <= t < stay.known]
        return Meeting(self.name, t, tuple(stay.inside for stay in sorted(here, key=lambda stay: stay.entered)))

    def tidy(self, t: int, most: int) -> bool:
        """Forget what was over by ``t`` (ns), which no row to come can meet, and of ``most`` or more stays the older
        half; returns whether that was not needed."""
        self._forget(t)
        fits = len(self.over) < most
        if not fits:
            self._forget(sorted(stay.known for stay in self.over)[len(self.over) // 2])
        self.full = min(most, max(FEW, 2 * len(self.over)))
        return fits

    def _forget(self, t: int) -> None:
        self._horizon = max(self._horizon, t)
        self.over = [stay for stay in self.over if stay.known > t]
        self.timeline.forget(t)


def new_line(name: str, spec: Spec) -> LockLine:
    """The line of a lock nobody was inside of yet: as many permits as there are may lie together; readers; the
    identities of one process."""
    return LockLine(name, spec, Timeline(_counted(spec.permits) if spec.permits > 1 else _alike))


def _alike(there: Any, claim: Any) -> Any:
    return claim if there is None or there == claim else None


def _counted(permits: int) -> Any:
    def add(there: Any, claim: Any) -> Any:
        total = (there or 0) + claim
        return total if there is None or total <= permits else None

    return add
