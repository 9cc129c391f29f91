"""What a picture of a violation shows: a stretch of time, and lanes of faults, clients and nodes around the witness."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from checker.case import Case
from checker.evidence import in_charge
from checker.holds import Hold
from checker.observed import Life
from checker.overlap import crowded
from checker.report.harm import calls_of_a_store, decisions, runs, signs
from checker.report.scenery import Bar, Lane, Mark, Scene
from checker.verdict import Verdict
from checker.windows import Window

MOST_LANES = 12
MOST_FAULTS = 3
MOST_NODES = 3
OF_WAITING = {"fairness", "herd"}
AT_RESOURCES = {"effect", "job", "ledger"}
"""Rows of a witness."""


def scene(case: Case, verdict: Verdict) -> Scene | None:
    """What to draw for a violation, None where its witness names nothing that can be drawn."""
    attempts = list(dict.fromkeys(event.attempt for event in verdict.witness if event.attempt is not None))
    holds = list({id(hold): hold for attempt in attempts if (hold := case.hold_by_attempt(attempt))}.values())
    if not verdict.witness:
        return None
    start, end = _frame(verdict, holds)
    faults = [_fault(window, case.end) for window in case.windows if window.meets(start, end)][:MOST_FAULTS]
    below = [*runs(case, verdict), *_nodes(case, holds, attempts, start, end), *decisions(case, verdict)]
    room = MOST_LANES - len(faults) - len(below)
    clients = _cast(case, verdict, start, end)
    near = case.holds_between(start, end)
    crowds = crowded(case.holds.take(near), case.calls, case.spec)
    lanes = [_client(case, name, near, crowds, start, end) for name in clients[:room]]
    for lane in lanes:
        lane.marks += signs(case, verdict, lane.label)
    return Scene(start, end, case.start, [*faults, *lanes, *below], max(0, len(clients) - room))


def _frame(verdict: Verdict, holds: Sequence[Hold]) -> tuple[int, int]:
    """Of several holds: from the first entering to the last leaving, but not far beyond the first leaving, and all that
    happened at a resource. Else, or where it is about waiting, the whole witness. With a margin."""
    start, end = verdict.witness[0].t, verdict.witness[-1].t
    if len(holds) > 1 and verdict.property not in OF_WAITING:
        start, last_left = min(hold.entered for hold in holds), max(hold.left for hold in holds)
        latest = max([min(hold.left for hold in holds), *(hold.entered for hold in holds)])
        end = min(last_left, latest + max(1, latest - start) // 2)
        beside = [event.t for event in verdict.witness if event.row in AT_RESOURCES]
        start, end = min([start, *beside]), max([end, *beside])
    margin = max(end - start, 1000) // 20
    return start - margin, end + margin


def _cast(case: Case, verdict: Verdict, start: int, end: int) -> list[str]:
    """The clients of the witness in order of appearance, then those who held or tried meanwhile."""
    known = case.record.client_numbers
    cast = [event.who for event in verdict.witness if event.who in known]
    holders = case.holds.client[case.holds_between(start, end)]
    askers = case.calls.client[case.acquires_between(start, end)]
    for numbers in (holders, askers):
        cast += sorted(case.client(number) for number in np.unique(numbers))
    return list(dict.fromkeys(cast))


def _fault(window: Window, end: int) -> Lane:
    return Lane("fault", [Bar(window.asked, min(window.healed, end), "fault", f" {window.label()} ")])


def _client(
    case: Case, client: str, near: NDArray[np.intp], crowds: Sequence[tuple[int, int]], start: int, end: int
) -> Lane:
    if case.spec.model != "lock":
        return calls_of_a_store(case, client, start, end)
    lane, number = Lane(client), case.record.client_numbers.get(client, -1)
    asked = case.acquires_between(start, end)
    for call in case.made(asked[case.calls.client[asked] == number]):
        lane.bars.append(Bar(call.inv, min(call.ret, case.end), "waiting"))
        if call.outcome == "fail":
            lane.marks.append(Mark(call.ret, "refused"))
    for own in near[case.holds.client[near] == number].tolist():
        _draw(case, lane, case.hold(own), crowds)
    return lane


def _draw(case: Case, lane: Lane, hold: Hold, shared: Sequence[tuple[int, int]]) -> None:
    lane.bars.append(Bar(hold.entered, hold.left, "inside"))
    for paused, resumed in case.lives.pauses.get(case.lives.process(hold.client), []):
        if paused < hold.left and resumed > hold.entered:
            lane.bars.append(Bar(max(paused, hold.entered), min(resumed, hold.left), "paused"))
    several = case.spec.permits > 1 or case.spec.read_write
    lane.bars += [Bar(a, b, "crowd" if several else "overlap") for a, b in _shared(shared, hold)]
    lane.marks += [Mark(call.inv, "write") for call in hold.ledger if call.op == "write" and call.inv < hold.left]
    lane.marks += [Mark(told.t, "told") for told in hold.told]
    over = int(case.leases.alive[hold.number])
    if hold.entered < over < hold.left:
        lane.marks.append(Mark(over, "lease"))
    lane.marks.append(Mark(hold.entered, "granted"))
    ways = {"released": "released", "killed": "killed", "end": "end"}
    lane.marks.append(Mark(hold.left, ways.get(hold.why_left, "left")))
    if hold.fence is not None:
        lane.bars.append(Bar(hold.entered, hold.left, "", str(hold.fence)))


def _shared(crowds: Sequence[tuple[int, int]], hold: Hold) -> Iterator[tuple[int, int]]:
    """The part of a hold in which too many were inside. ``crowds``: when too many were, in order of time."""
    first = max(0, bisect_right(crowds, hold.entered, key=lambda span: span[0]) - 1)
    for start, end in islice(crowds, first, None):
        if start >= hold.left:
            return
        if end > hold.entered:
            yield max(start, hold.entered), min(end, hold.left)


def _nodes(case: Case, holds: Sequence[Hold], attempts: Sequence[str], start: int, end: int) -> list[Lane]:
    """Per node, the keys of the witness' attempts as observers saw them there, also of those not known to be granted.
    Of a session's servers, which all show the same, just one."""
    lives: dict[str, list[tuple[str, Life]]] = defaultdict(list)
    asked = case.acquires_between(start, end)
    shown = np.isin(case.calls.attempt.keys[asked], [case.attempt_key(attempt) for attempt in attempts])
    lost = case.made(asked[shown & ~case.granted[asked]])
    for acquire in [*(hold.acquire for hold in holds), *lost]:
        for life in in_charge(case, acquire):
            if life.began is not None and life.began <= end and life.ended >= start:
                lives[life.node].append((acquire.client, life))
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
