"""Lost update: no accepted write overwrites an update that its writer had not read.

That is the harm a mutex is taken against (P. Bernstein, V. Hadzilacos, N. Goodman, Concurrency Control and Recovery in
Database Systems, 1987, §1.3), and it needs no two clients inside at once: a write that was under way when its writer
left, and lands after the next one has written, does it too. That is what the sequencers of M. Burrows, The Chubby lock
service, OSDI 2006, §2.4, are for.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checker.case import Case, in_ms
from checker.holds import Hold
from checker.resources import counter_of, read_counters
from checker.updates import lost
from checker.verdict import Figure, Verdict, WitnessEvent, valid
from checker.witness import in_order, of_call, of_faults, of_hold
from histories.columns import Call
from histories.rows import Ledger
from histories.spec import Spec

NAME = "lost-update"
READING = "a write is computed from what its attempt read last; the ledger's own order of decisions"


def applies(spec: Spec) -> bool:
    """Locks that let one client write at a time."""
    return spec.permits == 1


def judge(case: Case) -> Verdict | None:
    """Judge one lock; None where fewer than two clients wrote, or nobody what it had computed from what it read."""
    written = [row for row in case.ledger if row.accepted and row.op == "write"]
    writers = {case.lives.process(row.client) for row in written}
    found = lost(case)
    if found is None or len(writers) < 2:
        return None
    late = [pair for pair in found if _lateness(case, pair[1]) > 0]
    figures: dict[str, Figure] = {"writes": len(written), "lost": len(found), "late": len(late)}
    if not found:
        sentence = f"no accepted write for {case.lock} overwrote what its writer had not read ({len(written)} writes)"
        chance = f"{len(writers)} clients wrote"
        return valid(NAME, case.lock, sentence, chance, assumptions=[READING], figures=figures)
    before, row = late[0] if late else found[0]
    return _invalid(case, before, row, figures)


def _lateness(case: Case, row: Ledger) -> int:
    """How long (ns) after its writer had left a write landed of which that never heard; else 0."""
    hold, call = case.hold_by_attempt(row.attempt), _write(case, row)
    unanswered = call is not None and call.outcome in {"info", "open"}
    return max(0, row.t - hold.left) if hold is not None and unanswered else 0


def _write(case: Case, row: Ledger) -> Call | None:
    """The client's call behind an accepted write."""
    hold = case.hold_by_attempt(row.attempt)
    made = [call for call in hold.ledger if call.op == "write" and call.value == row.value] if hold else []
    return made[-1] if made else None


def _read(case: Case, row: Ledger, write: Call) -> Call | None:
    """What a write was computed from."""
    hold, counter = case.hold_by_attempt(row.attempt), counter_of(row.value)
    reads = [call for call in (hold.ledger if hold else []) if call.op == "read" and call.outcome == "ok"]
    seen = [call for call in reads if call.ret <= write.inv and counter_of(call.value) == counter]
    return seen[-1] if seen else None


def _overwritten(case: Case, row: Ledger, read: Call | None) -> int:
    """How many accepted writes there were between what was read and the write."""
    rows = read_counters(case.ledger)[counter_of(row.value)]
    earlier = rows[: rows.index(row)]
    basis = [at for at, one in enumerate(earlier) if read is not None and one.value == read.value]
    return len(earlier) - (basis[-1] + 1 if basis else 0)


def _invalid(case: Case, before: Ledger, row: Ledger, figures: dict[str, Figure]) -> Verdict:
    hold, write, late = case.hold_by_attempt(row.attempt), _write(case, row), _lateness(case, row)
    read = _read(case, row, write) if write is not None else None
    number = _overwritten(case, row, read)
    many = f"an update by {before.client}" if number == 1 else f"{number} updates, the last by {before.client},"
    under_way = f"was under way when {row.client} left {case.lock}, landed {in_ms(late)} later and"
    how = under_way if late else f"under {case.lock}"
    alone = "; nobody else was inside while it was" if hold is not None and not _accompanied(case, hold) else ""
    start, end = min(hold.entered if hold else row.t, before.t), max(row.t, before.t)
    calls = [call for call in (read, write) if call is not None]
    events = [*_decisions(case, before, row), *(event for call in calls for event in of_call(case, call))]
    return Verdict(
        property=NAME,
        validity="invalid",
        sentence=f"a write by {row.client} {how} overwrote {many} that it had not read{alone}",
        lock=case.lock,
        kind="late-write" if late else "concurrent-write",
        witness=in_order([*events, *of_faults(case, start, end)]),
        faults=case.in_force(start, end),
        assumptions=[READING],
        figures=figures,
    )


def _accompanied(case: Case, hold: Hold) -> bool:
    """Whether anybody else was inside somewhere in a hold."""
    near = case.holds_between(hold.entered, hold.left)
    shared = (case.holds.left[near] > hold.entered) & (case.holds.entered[near] < hold.left)
    return bool(np.count_nonzero(shared & (near != hold.number)))


def _decisions(case: Case, *rows: Ledger) -> Iterator[WitnessEvent]:
    """The holds by which writes were made, and what the ledger did with them."""
    for row in rows:
        if (hold := case.hold_by_attempt(row.attempt)) is not None:
            yield from of_hold(case, hold)
        yield case.event(row.t, "ledger", f"accepts write {row.seq} by {row.client}", "ledger", row.attempt)
