"""What a picture of a violation shows: a stretch of time, and lanes of faults, clients and nodes around the witness."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from checker.case import Case
from checker.evidence import in_charge
from checker.holds import Hold
from checker.leases import lease_end
from checker.observed import Life
from checker.overlap import together
from checker.verdict import Verdict
from checker.windows import Window

MOST_LANES = 12
MOST_FAULTS = 3
MOST_NODES = 3


@dataclass(frozen=True)
class Bar:
    """A stretch [start, end] (ns) drawn with the glyph called ``fill``; ``text`` is written into it, if it fits."""

    start: int
    end: int
    fill: str
    text: str = ""


@dataclass(frozen=True)
class Mark:
    """A moment (ns) drawn with the glyph called ``glyph``."""

    t: int
    glyph: str


@dataclass
class Lane:
    """One line of the picture. Bars are drawn in order, then marks. ``aside``: text to put right of the last bar."""

    label: str
    bars: list[Bar] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    aside: str = ""


@dataclass(frozen=True)
class Scene:
    """The lanes between ``start`` and ``end`` (ns); ``origin``: when the trial began."""

    start: int
    end: int
    origin: int
    lanes: list[Lane]
    left_out: int


def scene(case: Case, verdict: Verdict) -> Scene | None:
    """What to draw for a violation, None where its witness names nothing that can be drawn."""
    attempts = list(dict.fromkeys(event.attempt for event in verdict.witness if event.attempt is not None))
    holds = list({id(hold): hold for attempt in attempts if (hold := case.hold_by_attempt.get(attempt))}.values())
    if not verdict.witness:
        return None
    start, end = _frame(verdict, holds)
    faults = [_fault(window, case.end) for window in case.windows if window.meets(start, end)][:MOST_FAULTS]
    nodes = _nodes(case, holds, start, end)
    room = MOST_LANES - len(faults) - len(nodes)
    clients = _cast(case, verdict, start, end)
    near = [hold for hold in case.holds if hold.entered <= end and hold.left >= start]
    lanes = [_client(case, name, near, start, end) for name in clients[:room]]
    return Scene(start, end, case.start, [*faults, *lanes, *nodes], max(0, len(clients) - room))


def _frame(verdict: Verdict, holds: Sequence[Hold]) -> tuple[int, int]:
    """Of several holds: from the first entering to the last leaving, but not far beyond the first leaving. Else the
    whole witness. With a margin."""
    start, end = verdict.witness[0].t, verdict.witness[-1].t
    if len(holds) > 1:
        start, last_left = min(hold.entered for hold in holds), max(hold.left for hold in holds)
        latest = max([min(hold.left for hold in holds), *(hold.entered for hold in holds)])
        end = min(last_left, latest + max(1, latest - start) // 2)
    margin = max(end - start, 1000) // 20
    return start - margin, end + margin


def _cast(case: Case, verdict: Verdict, start: int, end: int) -> list[str]:
    """The clients of the witness in order of appearance, then those who held or tried meanwhile."""
    known = {call.client for call in case.calls}
    cast = [event.who for event in verdict.witness if event.who in known]
    cast += sorted(hold.client for hold in case.holds if hold.entered <= end and hold.left >= start)
    cast += sorted(call.client for call in case.acquires if call.touches(start, end))
    return list(dict.fromkeys(cast))


def _fault(window: Window, end: int) -> Lane:
    return Lane("fault", [Bar(window.asked, min(window.healed, end), "fault", f" {window.label()} ")])


def _client(case: Case, client: str, near: Sequence[Hold], start: int, end: int) -> Lane:
    lane, shared = Lane(client), together(near)
    for call in case.acquires:
        if call.client == client and call.touches(start, end):
            lane.bars.append(Bar(call.inv, min(call.ret, case.end), "waiting"))
            if call.outcome == "fail":
                lane.marks.append(Mark(call.ret, "refused"))
    for hold in near:
        if hold.client == client:
            _draw(case, lane, hold, shared)
    return lane


def _draw(case: Case, lane: Lane, hold: Hold, shared: Sequence[tuple[int, int]]) -> None:
    lane.bars.append(Bar(hold.entered, hold.left, "inside"))
    for paused, resumed in case.lives.pauses.get(case.lives.process(hold.client), []):
        if paused < hold.left and resumed > hold.entered:
            lane.bars.append(Bar(max(paused, hold.entered), min(resumed, hold.left), "paused"))
    lane.bars += [Bar(a, b, "overlap") for a, b in _shared(shared, hold)]
    lane.marks += [Mark(call.inv, "write") for call in hold.ledger if call.op == "write" and call.inv < hold.left]
    lane.marks += [Mark(told.t, "told") for told in hold.told]
    over = lease_end(hold, case.spec)
    if hold.entered < over < hold.left:
        lane.marks.append(Mark(over, "lease"))
    lane.marks.append(Mark(hold.entered, "granted"))
    ways = {"released": "released", "killed": "killed", "end": "end"}
    lane.marks.append(Mark(hold.left, ways.get(hold.why_left, "left")))
    if hold.fence is not None:
        lane.bars.append(Bar(hold.entered, hold.left, "", str(hold.fence)))


def _shared(together: Sequence[tuple[int, int]], hold: Hold) -> Iterator[tuple[int, int]]:
    """When somebody else was inside too. ``together``: when two or more were, in order of time."""
    first = max(0, bisect_right(together, hold.entered, key=lambda span: span[0]) - 1)
    for start, end in islice(together, first, None):
        if start >= hold.left:
            return
        if end > hold.entered:
            yield max(start, hold.entered), min(end, hold.left)


def _nodes(case: Case, holds: Sequence[Hold], start: int, end: int) -> list[Lane]:
    """Per node, the keys of the witness' holds as observers saw them there. Of a session's servers, which all show the
    same, just one."""
    lives: dict[str, list[tuple[str, Life]]] = defaultdict(list)
    for hold in holds:
        for life in in_charge(case, hold.acquire):
            if life.began is not None and life.began <= end and life.ended >= start:
                lives[life.node].append((hold.client, life))
    nodes = sorted(lives)[: 1 if case.spec.session_ns is not None else MOST_NODES]
    return [_node(case, node, lives[node], end) for node in nodes]


def _node(case: Case, node: str, lives: list[tuple[str, Life]], end: int) -> Lane:
    """One node's keys one after another; where they wait in line, a key is drawn from when it is the first."""
    lane, free = Lane(node), 0
    for client, life in sorted(lives, key=lambda entry: entry[1].ended):
        lane.bars.append(Bar(max(free, life.began or 0), min(life.ended, case.end), "key", f"{client}'s key"))
        free = life.ended
        if life.ended <= end:
            lane.marks.append(Mark(life.ended, "ended"))
            lane.aside = f"{client}'s key {life.reason or 'ended'}"
    return lane
