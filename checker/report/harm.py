"""Lanes and marks of what happens beside the lock: effects, wakes, runs of jobs, the ledger, calls on a store."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from checker.case import Case
from checker.report.scenery import Bar, Lane, Mark
from checker.verdict import Verdict
from histories.columns import NEVER, Call
from histories.rows import Wake


def signs(case: Case, verdict: Verdict, client: str) -> list[Mark]:
    """Effects of one client that the witness names; where it names wakes, all of the client's."""
    effects = [Mark(event.t, "effect") for event in verdict.witness if (event.row, event.who) == ("effect", client)]
    if not any(event.row == "wake" for event in verdict.witness):
        return effects
    rows = case.record.by_lock.get(case.lock, [])
    return [*effects, *(Mark(row.t, "woken") for row in rows if isinstance(row, Wake) and row.client == client)]


def runs(case: Case, verdict: Verdict) -> Iterator[Lane]:
    """A lane for each run of a job in the witness."""
    shown = {(event.who, event.t) for event in verdict.witness if event.row == "job"}
    if shown:
        for of_job in case.record.runs.get(case.number, {}).values():
            for run in of_job:
                if (run.client, run.began) in shown:
                    yield Lane(f"run by {run.client}", [Bar(run.began, run.ended, "run", run.job)])


def decisions(case: Case, verdict: Verdict) -> Iterator[Lane]:
    """A lane of the ledger's decisions in the witness, with their fencing tokens (else values) in its own order."""
    shown = {(event.t, event.attempt) for event in verdict.witness if event.row == "ledger"}
    rows = [row for row in case.ledger if (row.t, row.attempt) in shown]
    if rows:
        marks = [Mark(row.t, "accepted" if row.accepted else "rejected") for row in rows]
        yield Lane(
            "ledger", [Bar(row.t, NEVER, "", str(row.value if row.fence is None else row.fence)) for row in rows], marks
        )


def calls_of_a_store(case: Case, client: str, start: int, end: int) -> Lane:
    """One client's calls on a register or key-value store between ``start`` and ``end`` (ns)."""
    lane = Lane(client)
    if (number := case.record.client_numbers.get(client)) is None:
        return lane
    calls = case.calls
    for call in case.made((calls.client == number) & (calls.inv <= end) & (calls.ret >= start)):
        back = min(call.ret, case.end)
        lane.bars.append(Bar(call.inv, back, "call", _said(call)))
        lane.marks.append(Mark(call.inv, "called"))
        if call.outcome in {"ok", "fail"}:
            lane.marks.append(Mark(back, "answered" if call.outcome == "ok" else "refused"))
    return lane


def _said(call: Call) -> str:
    """A call in a word or two: ``write 1``, ``read 0``."""
    if call.op in {"read", "txn"} and call.outcome != "ok":
        return call.op
    return f"{call.op} {msgspec.json.encode(call.value).decode()}"
