"""From the operations of a file to the rows of a history."""

from __future__ import annotations

from collections.abc import Sequence

from histories.jepsen.calls import call_rows, pair
from histories.jepsen.faults import fault_rows
from histories.jepsen.operation import NEMESIS, Op
from histories.jepsen.source import Source
from histories.jepsen.times import in_order, settle
from histories.rows import FORMAT_VERSION, Call, Event, Header, Return
from histories.spec import Spec
from histories.vocabulary import ACQUIRES, LOCK_OPERATIONS


def operation_rows(ops: list[Op], by_time: bool, source: Source) -> list[Event]:
    """The rows of operations. ``by_time``: what came first is told by times, not by places (locks with leases).

    Raises HistoryError for operations that are none of locks or registers, and for leases without times.
    """
    ops = in_order(ops, source)
    nobodys = [op for op in ops if op.process is None]
    if nobodys:
        source.say(f"{len(nobodys)} operations without :process are taken to be of process 0")
        for op in nobodys:
            op.process = 0
    settle(ops, by_time, source)
    clients, nemeses = _parted(ops)
    return [*call_rows(pair(clients, source), source), *fault_rows(nemeses)]


def header_for(rows: Sequence[Event], spec: Spec | None, source: Source) -> Header:
    """The header of a history that has none; ``spec``: None to guess it, said in a remark."""
    return Header(t=0, version=FORMAT_VERSION, spec=spec or _guess(rows, source), platform="jepsen")


def _parted(ops: Sequence[Op]) -> tuple[list[Op], list[Op]]:
    """The operations of clients and those of nemeses, who have names for numbers and invoke nothing."""
    callers = {op.process for op in ops if op.kind == "invoke"} - {NEMESIS}
    is_client = [isinstance(op.process, int) or op.process in callers for op in ops]
    return (
        [op for op, client in zip(ops, is_client, strict=True) if client],
        [op for op, client in zip(ops, is_client, strict=True) if not client],
    )


def _guess(rows: Sequence[Event], source: Source) -> Spec:
    calls = [row for row in rows if isinstance(row, Call)]
    grants = [row for row in rows if isinstance(row, Return) and row.op in ACQUIRES and row.outcome == "ok"]
    if not calls or any(call.op in LOCK_OPERATIONS for call in calls):
        fenced = bool(grants) and all(grant.fence is not None for grant in grants)
        spec = Spec(fenced=fenced)
        what = "a mutex with owners and no lease" + (", fenced" if fenced else "")
    elif any(call.op == "txn" for call in calls):
        spec, what = Spec(model="multi-register"), "registers that begin empty, written in transactions"
    else:
        spec, what = Spec(model="register"), "a register that begins empty"
    source.say(f"no spec was given; judged as {what}")
    return spec
