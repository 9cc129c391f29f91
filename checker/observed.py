"""The servers' own truth, as the observers saw it: which key lived where and why it ended, and who was in charge.

Rows come from every node. A key on a replica, or on a primary that was already replaced, is not the lock: only what a
node did while it was in charge counts, and in a split brain two are in charge. For ZooKeeper every member shows the
same committed state, some later than others, so what counts there is the earliest sighting of an end.

An observer that was blind reports what changed meanwhile when it sees again; such a change is known to lie between
the two, so lives carry the earliest moment (``ended_since``) beside the sighting (``ended``).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise, takewhile
from operator import itemgetter

from histories.columns import NEVER
from histories.rows import Event, Role, Server

IN_CHARGE = frozenset({"primary", "master", "standalone", "leader"})
SLACK_NS = 250_000_000
"""How far an observer's time may lie from the moment itself (it polls, or reads a notification that waited)."""

POLL_SLACK_NS = 500_000_000
"""The same for sessions, which are only polled. What was seen alive twice as long after a moment lived at it."""


@dataclass(slots=True)
class Life:
    """A key's (or ephemeral node's) life on one server, times in ns. ``began`` None: it was there before anybody
    looked. ``ended`` NEVER: nobody saw an end."""

    node: str
    key: str
    owner: str | None
    session: str | None
    fence: int | None
    began: int | None
    ended: int = NEVER
    ended_since: int = NEVER
    reason: str | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class RoleSeen:
    """A node's role from ``t`` (ns) on."""

    t: int
    role: str
    evidence: str = ""

    @property
    def in_charge(self) -> bool:
        """Whether a node with this role grants locks."""
        return self.role in IN_CHARGE


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """The first sighting of a session's end."""

    t: int
    node: str
    reason: str | None


@dataclass
class Observed:
    """Everything observers wrote. ``roles``: node → roles in order; ``blind``: node → (from, to), NEVER: ever after."""

    lives: list[Life] = field(default_factory=list)
    sessions: dict[str, SessionEnd] = field(default_factory=dict)
    roles: dict[str, list[RoleSeen]] = field(default_factory=dict)
    blind: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        """Whether any observer wrote anything."""
        return bool(self.lives or self.sessions or self.roles or self.blind)

    @cached_property
    def nodes(self) -> list[str]:
        """All nodes that were observed."""
        return sorted({life.node for life in self.lives} | set(self.roles) | set(self.blind))

    def in_charge(self, node: str, t: int) -> bool:
        """Whether ``node`` took itself for the one in charge at ``t``, give or take the observer's slack."""
        if not self._anybody_in_charge:
            return True
        timeline = self.roles.get(node, [])
        then = bisect_right(timeline, t, key=_when)
        soon = bisect_right(timeline, t + SLACK_NS, key=_when)
        return any(seen.in_charge for seen in timeline[max(0, then - 1) : soon])

    @cached_property
    def _anybody_in_charge(self) -> bool:
        return any(seen.in_charge for timeline in self.roles.values() for seen in timeline)

    def only_in_charge(self, t: int) -> str | None:
        """The one node in charge at ``t``, None where there may have been several or none is known.

        A node that did not answer its observer at ``t`` counts only where no other one may have been in charge; where
        none was, one that is in charge when it answers again may have been.
        """
        silent = {node: b for node in self.nodes if (b := self._blind_until(node, t)) >= t}
        candidates = {node for node in self.nodes if self.in_charge(node, t)}
        if not candidates:
            candidates = {node for node, b in silent.items() if b < NEVER and self.in_charge(node, b)}
        if candidates <= set(silent):
            candidates |= {node for node, _ in self.promotions(t, t + 2 * SLACK_NS)}
        if len(candidates) > 1:
            candidates -= set(silent)
        return candidates.pop() if len(candidates) == 1 else None

    def promotions(self, start: int, end: int) -> Iterator[tuple[str, RoleSeen]]:
        """Every node that was seen to become in charge in [start, end], having been something else (not just down)."""
        for node in self.roles:
            for before, now in self._changes(node, start, end):
                if now.in_charge and not before.in_charge and before.role != "down":
                    yield node, now

    def restarts(self, node: str, start: int, end: int) -> Iterator[RoleSeen]:
        """Sightings of a node in charge that had been down, or runs anew, in [start, end]."""
        for before, now in self._changes(node, start, end):
            if now.in_charge and (before.role == "down" or now.evidence.startswith("restarted")):
                yield now

    def moved(self, start: int, end: int) -> bool:
        """Whether any role changed in [start, end]."""
        return any(True for node in self.roles for _ in self._changes(node, start, end))

    def _changes(self, node: str, start: int, end: int) -> Iterator[tuple[RoleSeen, RoleSeen]]:
        """(what a node was seen to be before, what it was then) for its roles but the first, in [start, end]."""
        timeline = self.roles.get(node, [])
        first = max(1, bisect_left(timeline, start, key=_when))
        return pairwise(timeline[first - 1 : bisect_right(timeline, end, key=_when)])

    def saw(self, node: str, start: int, end: int) -> bool:
        """Whether ``node`` was observed all through [start, end]."""
        return node in self.nodes and self._blind_until(node, end) < start

    def _blind_until(self, node: str, t: int) -> int:
        """Until when (ns) the observer of a node was blind that had last become so by ``t``; −NEVER: never had."""
        stretches = self.blind.get(node, [])
        at = bisect_right(stretches, t, key=itemgetter(0))
        return stretches[at - 1][1] if at else -NEVER


def _when(seen: RoleSeen) -> int:
    return seen.t


def read_observed(rows: Iterable[Event]) -> Observed:
    """Collect role and server rows (in order of time)."""
    observed = Observed()
    living: dict[tuple[str, str], list[Life]] = defaultdict(list)
    for row in rows:
        if isinstance(row, Role):
            observed.roles.setdefault(row.node, []).append(RoleSeen(row.t, row.role, row.evidence or ""))
        elif isinstance(row, Server) and row.event in {"blind", "seeing"}:
            _sight(observed.blind.setdefault(row.node, []), row)
        elif isinstance(row, Server) and row.session and not row.key:
            if row.event == "ended":
                observed.sessions.setdefault(row.session, SessionEnd(row.t, row.node, row.reason))
        elif isinstance(row, Server):
            _live(observed, living[row.node, row.key], row)
    return observed


def _sight(blind: list[tuple[int, int]], row: Server) -> None:
    """Stretches stay apart: who is blind and says so again has nothing to add."""
    dark = bool(blind) and blind[-1][1] == NEVER
    if row.event == "blind" and not dark:
        blind.append((row.t, NEVER))
    elif row.event == "seeing" and dark:
        blind[-1] = (blind[-1][0], row.t)


def _live(observed: Observed, living: list[Life], row: Server) -> None:
    if row.event == "began":
        life = Life(row.node, row.key, row.owner, row.session, row.fence, row.t)
        living.append(life)
        observed.lives.append(life)
        return
    for at in reversed(range(len(living))):
        life = living[at]
        if row.owner in {None, life.owner} and (row.session is None or row.session == life.session):
            del living[at]
            break
    else:
        life = Life(row.node, row.key, row.owner, row.session, row.fence, None)
        observed.lives.append(life)
    life.ended, life.reason, life.evidence = row.t, row.reason, row.evidence
    unseen = takewhile(lambda stretch: stretch[1] >= row.t, reversed(observed.blind.get(row.node, [])))
    life.ended_since = min([row.t, *(since for since, _ in unseen)])
