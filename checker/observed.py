"""The servers' own truth, as the observers saw it: which key lived where and why it ended, and who was in charge.

Rows come from every node. A key on a replica, or on a primary that was already replaced, is not the lock: only what a
node did while it was in charge counts, and in a split brain two are in charge. For ZooKeeper every member shows the
same committed state, some later than others, so what counts there is the earliest sighting of an end.
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


@dataclass(slots=True)
class Life:
    """A key's (or ephemeral node's) life on one server. ``began`` None: it was there before anybody looked."""

    node: str
    key: str
    owner: str | None
    session: str | None
    fence: int | None
    began: int | None
    ended: int = NEVER
    reason: str | None = None
    evidence: str | None = None


@dataclass
class Observed:
    """Everything observers wrote. ``roles``: node → (t, role) in order; ``blind``: node → (from, to)."""

    lives: list[Life] = field(default_factory=list)
    sessions: dict[str, tuple[int, str | None, str]] = field(default_factory=dict)
    roles: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
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
        """Whether ``node`` took itself for the one in charge at ``t`` (give or take the observer's slack)."""
        if not self.roles:
            return True
        timeline = self.roles.get(node, [])
        role = ""
        for since, now in timeline:
            if since <= t:
                role = now
            elif since <= t + SLACK_NS and now in IN_CHARGE:
                return True
        return role in IN_CHARGE

    def promotions(self, start: int, end: int) -> Iterator[tuple[int, str]]:
        """(t, node) of every node that was seen to become in charge in [start, end], having been something else."""
        for node, timeline in self.roles.items():
            for (_, was), (t, now) in pairwise(timeline):
                if start <= t <= end and now in IN_CHARGE and was not in IN_CHARGE:
                    yield t, node

    def saw(self, node: str, start: int, end: int) -> bool:
        """Whether ``node`` was observed all through [start, end]."""
        return node in self.nodes and not any(a <= end and b >= start for a, b in self.blind.get(node, []))


def read_observed(rows: Iterable[Event]) -> Observed:
    """Collect role and server rows (in order of time)."""
    observed = Observed()
    open_lives: dict[tuple[str, str], list[Life]] = defaultdict(list)
    for row in rows:
        if isinstance(row, Role):
            observed.roles.setdefault(row.node, []).append((row.t, row.role))
        elif isinstance(row, Server):
            _note(observed, open_lives[row.node, row.key], row)
    return observed


def _note(observed: Observed, living: list[Life], row: Server) -> None:
    blind = observed.blind.setdefault(row.node, []) if row.event in {"blind", "seeing"} else []
    if row.event == "blind":
        blind.append((row.t, NEVER))
    elif row.event == "seeing":
        if blind and blind[-1][1] == NEVER:
            blind[-1] = (blind[-1][0], row.t)
    elif row.session and not row.key:
        if row.event == "ended":
            observed.sessions.setdefault(row.session, (row.t, row.reason, row.node))
    elif row.event == "began":
        life = Life(row.node, row.key, row.owner, row.session, row.fence, row.t)
        living.append(life)
        observed.lives.append(life)
    else:
        _end(observed, living, row)


def _end(observed: Observed, living: list[Life], row: Server) -> None:
    """Close the life this row ends; one that nobody saw beginning is entered with its end only."""
    for life in reversed(living):
        if row.owner in {None, life.owner} and (row.session is None or row.session == life.session):
            living.remove(life)
            break
    else:
        life = Life(row.node, row.key, row.owner, row.session, row.fence, None)
        observed.lives.append(life)
    life.ended, life.reason, life.evidence = row.t, row.reason, row.evidence
