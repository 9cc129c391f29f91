"""Fencing at the ledger: the resource never accepts a write with a stale fencing token (CHECKERS §5).

That is where users feel it: a write delayed beyond the lease does its harm with no overlap of holders at all. A token
is stale when a newer one was seen, or when another attempt already used it: after a failover two holders can be given
the same counter value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from checker.case import Case
from checker.tokens import out_of_order
from checker.verdict import Figure, Verdict, WitnessEvent, valid
from checker.witness import in_order, of_call, of_faults
from histories.columns import NONE, Call
from histories.rows import Ledger
from histories.spec import Spec

NAME = "fencing-at-ledger"


def applies(spec: Spec) -> bool:
    """Locks whose grants carry a fencing token."""
    return spec.fenced


def judge(case: Case) -> Verdict | None:
    """No accepted write has an older token, or one that another attempt already used. None where no token reached it.

    Judged by the ledger's own order of decisions; without its rows, by the clients' calls.
    """
    decided = [row for row in case.ledger if row.fence is not None]
    if not decided:
        return _judge_writes(case)
    accepted = [row for row in decided if row.accepted]
    figures: dict[str, Figure] = {"writes_accepted": len(accepted), "writes_rejected": len(decided) - len(accepted)}
    stale = list(_stale(accepted))
    if not stale:
        sentence = f"no accepted write for {case.lock} had a stale fencing token (accepted {len(accepted)})"
        chance = f"{len(decided)} writes with fencing tokens reached the ledger"
        return valid(NAME, case.lock, sentence, chance, figures=figures)
    row, before = stale[0]
    events = [event for call in _writes(case, row, before) for event in of_call(case, call)]
    events += [_decision(case, before), _decision(case, row)]
    reused = row.fence == before.fence
    what = "that another attempt had used" if reused else f"after it had seen {before.fence}"
    sentence = f"the ledger accepted a write by {row.client} with fencing token {row.fence} {what} ({before.client})"
    start, end = min(before.t, row.t), max(before.t, row.t)
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=sentence,
        lock=case.lock,
        kind="reused-token" if reused else "stale-token",
        witness=in_order([*events, *of_faults(case, start, end)]),
        faults=case.in_force(start, end),
        assumptions=["the ledger's own order of decisions"],
        figures=figures | {"stale_writes": len(stale)},
    )


def _stale(accepted: Sequence[Ledger]) -> Iterator[tuple[Ledger, Ledger]]:
    """(stale write, the earlier write that makes it stale), in the ledger's order."""
    newest: Ledger | None = None
    for row in accepted:
        if newest is not None and _older(row, newest):
            yield row, newest
        else:
            newest = row


def _older(row: Ledger, newest: Ledger) -> bool:
    fence, limit = row.fence or 0, newest.fence or 0
    return fence < limit or (fence == limit and row.attempt != newest.attempt)


def _writes(case: Case, *rows: Ledger) -> list[Call]:
    """The clients' calls behind ledger rows."""
    wanted = {(row.client, row.attempt, repr(row.value)) for row in rows}
    keys = [case.attempt_key(row.attempt) for row in rows]
    calls = case.made(case.calls.is_op("write") & np.isin(case.calls.attempt.keys, keys))
    return [call for call in calls if (call.client, call.attempt, repr(call.value)) in wanted]


def _decision(case: Case, row: Ledger) -> WitnessEvent:
    verb = "accepts" if row.accepted else "rejects"
    said = f"{verb} write {row.seq} by {row.client} with fencing token {row.fence}"
    return case.event(row.t, "ledger", said, "ledger", row.attempt)


def _judge_writes(case: Case) -> Verdict | None:
    calls = case.calls
    rows = np.flatnonzero(calls.is_op("write") & calls.ended("ok") & (calls.fence != NONE))
    if not len(rows):
        return None
    found = out_of_order(calls.fence[rows], calls.attempt.keys[rows], calls.inv[rows], calls.ret[rows])
    if found is None:
        sentence = f"{len(rows)} accepted writes for {case.lock}, in an order their fencing tokens allow"
        return valid(NAME, case.lock, sentence, f"{len(rows)} writes with fencing tokens were accepted")
    first, second = calls.call(int(rows[found[0]])), calls.call(int(rows[found[1]]))
    sentence = (
        f"a write by {second.client} with fencing token {second.fence} was accepted after one by {first.client} "
        f"with {first.fence}"
    )
    return Verdict(property=NAME, validity="invalid", sentence=sentence, lock=case.lock, kind="stale-token",
                   witness=in_order([*of_call(case, first), *of_call(case, second)]),
                   faults=case.in_force(first.inv, second.ret))  # fmt: skip
