"""The servers' own truth, as the observers saw it: which key lived where and why it ended, and who was in charge.

Rows come from every node. A key on a replica, or on a primary that was already replaced, is not the lock: only what a
node did while it was in charge counts, and in a split brain two are in charge. For ZooKeeper every member shows the
same committed state, some later than others, so what counts there is the earliest sighting of an end.

An observer that was blind reports what changed meanwhile when it sees again; such a change is known to lie between
the two, so lives carry the earliest moment (``ended_since``) beside the sighting (``ended``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from checker.calls import NEVER
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

    @property
    def nodes(self) -> list[str]:
        """All nodes that were observed."""
        return sorted({life.node for life in self.lives} | set(self.roles) | set(self.blind))

    def in_charge(self, node: str, t: int) -> bool:
        """Whether ``node`` took itself for the one in charge at ``t``, give or take the observer's slack."""
        if not any(seen.in_charge for timeline in self.roles.values() for seen in timeline):
            return True
        now = False
        for seen in self.roles.get(node, []):
            if seen.t <= t:
                now = seen.in_charge
            elif seen.t <= t + SLACK_NS and seen.in_charge:
                return True
        return now

    def only_in_charge(self, t: int) -> str | None:
        """The one node in charge at ``t``, None where there may have been several or none is known.

        A node that did not answer its observer at ``t`` counts only where no other one may have been in charge; where
        none was, one that is in charge when it answers again may have been.
        """
        silent = {node: b for node in self.nodes for a, b in self.blind.get(node, []) if a <= t <= b}
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
        for node, timeline in self.roles.items():
            for before, now in pairwise(timeline):
                if start <= now.t <= end and now.in_charge and not before.in_charge and before.role != "down":
                    yield node, now

    def restarts(self, node: str, start: int, end: int) -> Iterator[RoleSeen]:
        """Sightings of a node in charge that had been down, or runs anew, in [start, end]."""
        for before, now in pairwise(self.roles.get(node, [])):
            anew = before.role == "down" or now.evidence.startswith("restarted")
            if start <= now.t <= end and now.in_charge and anew:
                yield now

    def moved(self, start: int, end: int) -> bool:
        """Whether any role changed in [start, end]."""
        return any(start <= seen.t <= end for timeline in self.roles.values() for seen in timeline[1:])

    def saw(self, node: str, start: int, end: int) -> bool:
        """Whether ``node`` was observed all through [start, end]."""
        return node in self.nodes and not any(a <= end and b >= start for a, b in self.blind.get(node, []))


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
    if row.event == "blind":
        blind.append((row.t, NEVER))
    elif blind and blind[-1][1] == NEVER:
        blind[-1] = (blind[-1][0], row.t)


def _live(observed: Observed, living: list[Life], row: Server) -> None:
    if row.event == "began":
        life = Life(row.node, row.key, row.owner, row.session, row.fence, row.t)
        living.append(life)
        observed.lives.append(life)
        return
    for life in reversed(living):
        if row.owner in {None, life.owner} and (row.session is None or row.session == life.session):
            living.remove(life)
            break
    else:
        life = Life(row.node, row.key, row.owner, row.session, row.fence, None)
        observed.lives.append(life)
    life.ended, life.reason, life.evidence = row.t, row.reason, row.evidence
    unseen = [since for since, seeing in observed.blind.get(row.node, []) if since <= row.t <= seeing]
    life.ended_since = min([row.t, *unseen])
