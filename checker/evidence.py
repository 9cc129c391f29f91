"""What the observers' rows say of the two holders of an overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from checker.case import Case
from checker.observed import SLACK_NS, Life
from checker.overlap import Overlap
from histories.columns import NEVER, Call


@dataclass(frozen=True)
class End:
    """The first sighting ``t`` of the end of a holder's key or session on a node that counts; it happened not before
    ``since`` (ns). ``what``: ``key`` or ``session``."""

    node: str
    t: int
    since: int
    reason: str | None
    what: str


@dataclass(frozen=True)
class Evidence:
    """``first``, ``second``: lives of the two keys on nodes in charge. ``end``: of the first one's key or session.

    ``home``, ``granted_by``: the nodes that granted the first and the second: where their keys were seen, else the only
    node in charge then, else None. ``apart``: the first key was alive on one node in charge when another one let the
    second in. ``watched``: some node was observed all the time from the first acquire to the second's return.
    """

    first: list[Life]
    second: list[Life]
    end: End | None
    home: str | None
    granted_by: str | None
    apart: bool
    watched: bool


def collect(case: Case, overlap: Overlap) -> Evidence:
    """The evidence on one overlap."""
    begin, t = overlap.first.acquire.inv, overlap.start
    first, second = in_charge(case, overlap.first.acquire), in_charge(case, overlap.second.acquire)
    return Evidence(
        first=first,
        second=second,
        end=min(_ends(case, first), key=lambda end: end.t, default=None),
        home=_granting(case, first, overlap.first.entered),
        granted_by=_granting(case, second, overlap.second.entered),
        apart=case.spec.session_ns is None and any(_apart(a, b) for a in first for b in second),
        watched=any(case.observed.saw(node, begin, t) for node in case.observed.nodes),
    )


def _granting(case: Case, lives: list[Life], entered: int) -> str | None:
    begun = [life for life in lives if life.began is not None]
    if begun:
        return min(begun, key=lambda life: life.began or 0).node
    return case.observed.only_in_charge(entered)


def in_charge(case: Case, acquire: Call) -> list[Life]:
    """The lives of an acquire's key on nodes that were in charge when it began there (sessions: on any member)."""
    return [
        life
        for life in case.keys.of(acquire)
        if case.spec.session_ns is not None
        or case.observed.in_charge(life.node, life.began if life.began is not None else life.ended)
    ]


def _apart(a: Life, b: Life) -> bool:
    return a.node != b.node and b.began is not None and a.ended_since > b.began + SLACK_NS


def _ends(case: Case, lives: list[Life]) -> Iterator[End]:
    """The ends that count. A member that merely lost what it knew (restart, resync) has not ended a session's node."""
    for life in lives:
        if life.ended != NEVER and not (case.spec.session_ns is not None and life.reason in {"restart", "resync"}):
            what = "session" if life.reason == "session-end" else "key"
            yield End(life.node, life.ended, life.ended_since, life.reason, what)
    for session in sorted({life.session for life in lives if life.session}):
        if session in case.observed.sessions:
            seen = case.observed.sessions[session]
            yield End(seen.node, seen.t, seen.t, "session-end", "session")
