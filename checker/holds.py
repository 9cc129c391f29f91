"""Attempts and holds of one lock: who was granted it, for how long it was inside, and how it left.

A client is *inside* from its outermost acquire's return until the earliest of its outermost release call, its
``leave`` row, its kill, the end of the trial (DESIGN §4). Knowing of a loss is not leaving.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from checker.calls import Call
from checker.lives import Lives
from histories.rows import Event, Leave, Told


@dataclass(slots=True)
class Hold:
    """A granted outermost acquire and everything that belongs to it.

    ``entered``, ``left``: the inside, ns. ``why_left``: ``released``, a leave row's reason, ``killed`` or ``end``.
    ``releases``: every release call of it, repeated ones too. ``inner``: re-entrant acquires granted while inside.
    ``ledger``: its reads and writes there.
    """

    client: str
    attempt: str
    acquire: Call
    left: int
    why_left: str = "end"
    closed: bool = False
    releases: list[Call] = field(default_factory=list)
    renewals: list[Call] = field(default_factory=list)
    inner: list[Call] = field(default_factory=list)
    ledger: list[Call] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    leave: Leave | None = None

    @property
    def entered(self) -> int:
        """When the acquire returned, ns."""
        return self.acquire.ret

    @property
    def owner(self) -> str | None:
        """The owner value the server holds for it, where known."""
        return self.acquire.owner

    @property
    def fence(self) -> int | None:
        """Its fencing token."""
        return self.acquire.fence


def build_holds(calls: Sequence[Call], rows: Iterable[Event], lives: Lives, end: int) -> list[Hold]:
    """The holds of one lock from its calls and rows, in order of entering."""
    events: dict[str, list[tuple[int, int, Call | Told | Leave]]] = defaultdict(list)
    for call in calls:
        if not call.acquires:
            events[call.client].append((call.inv, call.number, call))
        elif call.outcome == "ok":
            events[call.client].append((call.ret, call.number, call))
    for row in rows:
        if isinstance(row, Told | Leave):
            events[row.client].append((row.t, 1 << 60, row))
    holds: list[Hold] = []
    for client, mixed in events.items():
        mixed.sort(key=lambda event: event[:2])
        holds += _of_client(client, mixed, min(end, lives.killed(client)), lives.killed(client) <= end)
    holds.sort(key=lambda hold: (hold.entered, hold.left))
    return holds


def _of_client(client: str, events: list[tuple[int, int, Call | Told | Leave]], end: int, killed: bool) -> list[Hold]:
    """One client's holds; its calls come one after another."""
    holds: list[Hold] = []
    by_attempt: dict[str, Hold] = {}
    for _, _, event in events:
        hold = holds[-1] if holds and not holds[-1].closed else None
        if isinstance(event, Told | Leave):
            _step(by_attempt.get(event.attempt, hold), event)
        elif event.acquires:
            if hold is not None:
                hold.inner.append(event)
            else:
                why = "killed" if killed else "end"
                hold = Hold(client, event.attempt, event, left=max(end, event.ret), why_left=why)
                holds.append(hold)
            by_attempt[event.attempt] = hold
        else:
            _use(by_attempt.get(event.attempt) or hold, event)
    return holds


def _step(hold: Hold | None, row: Told | Leave) -> None:
    if hold is None:
        return
    if isinstance(row, Told):
        hold.told.append(row)
    elif not hold.closed:
        hold.leave = row
        _close(hold, row.t, row.why)


def _use(hold: Hold | None, call: Call) -> None:
    """Attach a renewal, release or ledger call to its hold; the outermost release call ends the inside."""
    if hold is None:
        return
    if call.op == "renew":
        hold.renewals.append(call)
    elif call.op in {"read", "write"}:
        hold.ledger.append(call)
    elif call.op == "release":
        depth = 1 + len(hold.inner) - len(hold.releases)
        hold.releases.append(call)
        if depth <= 1 and not hold.closed:
            _close(hold, call.inv, "released")


def _close(hold: Hold, t: int, why: str) -> None:
    hold.closed = True
    if t < hold.left:
        hold.left, hold.why_left = max(t, hold.entered), why
