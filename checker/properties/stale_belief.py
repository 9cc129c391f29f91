"""Stale belief: a client was told that it lost the lock, and stayed or went on writing.

Being told and acting on it are two things: a program that ignores the message is as dangerous as one that never got
it. A call to the ledger that was under way, or began before the message got through, may end first, and time the
process stood still does not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from checker.case import MS, Case
from checker.holds import Hold
from checker.verdict import Verdict, valid
from checker.witness import in_order, of_call, of_faults, of_hold
from histories.columns import NEVER
from histories.rows import Told

NAME = "stale-belief"
GRACE_NS = 500 * MS
"""How long a client that runs may take to act on what it was told (threads are scheduled late on a busy machine)."""


def judge(case: Case) -> Verdict | None:
    """Judge one lock; None where nobody was told of a loss while inside."""
    told = [(hold, row) for hold in case.holds_told() for row in hold.told if row.t < hold.left]
    if not told:
        return None
    late = [(hold, row, stay) for hold, row in told if (stay := _stayed(case, hold, row)) > GRACE_NS]
    longest = max((_stayed(case, hold, row) for hold, row in told), default=0)
    figures = {"told": len(told), "longest_stay_ms": round(longest / MS, 3)}
    reading = f"a client that runs leaves within {GRACE_NS / MS:.0f} ms of being told, or of the ledger call under way"
    if not late:
        sentence = f"who was told that it lost {case.lock} left within {longest / MS:.0f} ms (told {len(told)} times)"
        chance = f"clients were told of a loss {len(told)} times"
        return valid(NAME, case.lock, sentence, chance, assumptions=[reading], figures=dict(figures))
    hold, row, stay = max(late, key=lambda entry: entry[2])
    written = [call for call in hold.ledger if call.op == "write" and call.inv > row.t]
    did = f" and wrote {'once' if len(written) == 1 else f'{len(written)} times'}" if written else ""
    events = [*of_hold(case, hold), *(event for call in written for event in of_call(case, call))]
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=f"{hold.client} was told that it lost {case.lock} ({row.how}), stayed {stay / MS:.0f} ms longer{did}",
        lock=case.lock,
        kind="stayed",
        witness=in_order([*events, *of_faults(case, hold.entered, hold.left)]),
        faults=case.in_force(row.t, hold.left),
        assumptions=[reading],
        figures=dict(figures),
    )


def _stayed(case: Case, hold: Hold, row: Told) -> int:
    """For how long (ns) it ran on inside after it was told and had come out of the ledger call under way."""
    begun = [call for call in hold.ledger if call.inv <= row.t + GRACE_NS and row.t <= call.ret < NEVER]
    since = max([row.t, *(call.ret for call in begun)])
    still = sum(max(0, min(b, hold.left) - max(a, since)) for a, b in _pauses(case, hold))
    return max(0, hold.left - since - still)


def _pauses(case: Case, hold: Hold) -> Iterator[tuple[int, int]]:
    yield from case.lives.pauses.get(case.lives.process(hold.client), [])
