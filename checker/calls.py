"""From rows to calls: a call row and its return row, or none where it never came back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from histories.rows import Call as CallRow
from histories.rows import Event, Return
from histories.vocabulary import ACQUIRES, Operation

NEVER = 1 << 62
"""A time after everything, in ns: the return of a call that never came back."""

Ending = Literal["ok", "fail", "info", "open"]


@dataclass(slots=True)
class Call:
    """One operation of one client: [``inv``, ``ret``] in ns. ``ret`` is NEVER for an ``open`` call."""

    client: str
    number: int
    op: Operation
    lock: str
    attempt: str
    inv: int
    ret: int = NEVER
    outcome: Ending = "open"
    owner: str | None = None
    fence: int | None = None
    lease_until: int | None = None
    depth: int = 1
    value: Any = None
    error: str | None = None

    @property
    def acquires(self) -> bool:
        """Whether it asked for the lock, waiting or not."""
        return self.op in ACQUIRES

    @property
    def doubtful(self) -> bool:
        """Whether its effect is unknown: indeterminate, or never came back."""
        return self.outcome in {"info", "open"}

    def touches(self, start: int, end: int) -> bool:
        """Whether [inv, ret] and [start, end] have an instant in common."""
        return self.inv <= end and self.ret >= start


def pair(rows: Iterable[Event], remarks: list[str]) -> list[Call]:
    """The calls of a history in order of their call rows; strays are left out with a remark."""
    calls: dict[tuple[str, int], Call] = {}
    for row in rows:
        key = (getattr(row, "client", ""), getattr(row, "call", 0))
        if isinstance(row, CallRow):
            if key in calls:
                remarks.append(f"client {row.client} has two calls numbered {row.call}; the second was left out")
                continue
            calls[key] = Call(
                row.client, row.call, row.op, row.lock, row.attempt, row.t, owner=row.owner, fence=row.fence,
                value=row.value,
            )  # fmt: skip
        elif isinstance(row, Return):
            call = calls.get(key)
            if call is None or call.outcome != "open":
                remarks.append(f"client {row.client} has a return without call number {row.call}; it was left out")
                continue
            _close(call, row)
    return list(calls.values())


def _close(call: Call, row: Return) -> None:
    call.ret = row.t
    call.outcome = row.outcome
    call.owner = row.owner or call.owner
    call.fence = row.fence if row.fence is not None else call.fence
    call.lease_until = row.lease_until
    call.depth = row.depth
    call.error = row.error
    if row.value is not None:
        call.value = row.value
