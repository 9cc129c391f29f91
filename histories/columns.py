"""The calls of a history as columns: one row per call, whatever came back, in order of calling.

Ten million calls fit in a few hundred megabytes, and the checkers' kernels work on whole columns at once. A column in
which all rows are alike (no fencing tokens, one lock) takes no memory. :meth:`Calls.call` gives one row as an object,
for witnesses and reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from histories.labels import Labels, Texts, pack, taken
from histories.vocabulary import ACQUIRES, ENDINGS, MODES, OPERATIONS, REFUSALS, Ending, Mode, Operation, Refusal

NEVER = 1 << 62
"""A time after everything, in ns: the return of a call that never came back."""

NONE = -(1 << 63)
"""A whole number that is not there (fencing token, ``lease_until``)."""

OP = {name: code for code, name in enumerate(OPERATIONS)}
ENDING = {name: code for code, name in enumerate(ENDINGS)}
ACQUIRE_CODES = tuple(OP[name] for name in OPERATIONS if name in ACQUIRES)


@dataclass(slots=True)
class Call:
    """One operation of one client: [``inv``, ``ret``] in ns. ``ret`` is NEVER for an ``open`` call.

    ``row``: where it stands in the columns it was taken from.
    """

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
    mode: Mode = "exclusive"
    permits: int = 1
    refusal: Refusal | None = None
    value: Any = None
    error: str | None = None
    row: int = -1

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


@dataclass(frozen=True, slots=True, eq=False)
class Calls:
    """n calls in order of ``inv`` (at equal times as written), each column of length n.

    ``client``, ``lock``: numbers of ``clients`` and ``locks``. ``number``: the client's own count. ``op``, ``outcome``,
    ``mode``: index into OPERATIONS, ENDINGS, MODES. ``refusal``: index into REFUSALS, or −1. ``inv``, ``ret``: ns,
    NEVER for a call that never came back. ``fence``, ``lease_until``: NONE where there is none. ``value``: as JSON
    text.
    """

    clients: Texts
    locks: Texts
    client: NDArray[np.int32]
    number: NDArray[np.int64]
    op: NDArray[np.uint8]
    lock: NDArray[np.int32]
    attempt: Labels
    inv: NDArray[np.int64]
    ret: NDArray[np.int64]
    outcome: NDArray[np.uint8]
    owner: Labels
    fence: NDArray[np.int64]
    lease_until: NDArray[np.int64]
    depth: NDArray[np.int32]
    mode: NDArray[np.uint8]
    permits: NDArray[np.int32]
    refusal: NDArray[np.int8]
    value: Labels
    error: Labels

    def __len__(self) -> int:
        return len(self.inv)

    def call(self, row: int) -> Call:
        """One call as an object."""
        value = self.value[row]
        refusal = int(self.refusal[row])
        return Call(
            client=self.clients[int(self.client[row])],
            number=int(self.number[row]),
            op=cast(Operation, OPERATIONS[self.op[row]]),
            lock=self.locks[int(self.lock[row])],
            attempt=self.attempt[row] or "",
            inv=int(self.inv[row]),
            ret=int(self.ret[row]),
            outcome=cast(Ending, ENDINGS[self.outcome[row]]),
            owner=self.owner[row],
            fence=_number(self.fence[row]),
            lease_until=_number(self.lease_until[row]),
            depth=int(self.depth[row]),
            mode=cast(Mode, MODES[self.mode[row]]),
            permits=int(self.permits[row]),
            refusal=None if refusal < 0 else cast(Refusal, REFUSALS[refusal]),
            value=None if value is None else msgspec.json.decode(value),
            error=self.error[row],
            row=int(row),
        )

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Calls:
        """Some of the calls, in the order chosen."""
        rows: Any = np.flatnonzero(chosen) if isinstance(chosen, np.ndarray) and chosen.dtype == bool else chosen
        columns: dict[str, Any] = {
            field.name: column.take(rows)
            if isinstance(column := getattr(self, field.name), Labels)
            else taken(column, rows)
            for field in fields(self)
            if field.name not in {"clients", "locks"}
        }
        return Calls(clients=self.clients, locks=self.locks, **columns)

    def with_locks(self, names: Sequence[str], lock: NDArray[np.int32]) -> Calls:
        """The same calls with other numbers for their locks."""
        return replace(self, locks=pack(names), lock=lock)

    @property
    def acquires(self) -> NDArray[np.bool_]:
        """Which calls asked for the lock, waiting or not."""
        return cast("NDArray[np.bool_]", (self.op == ACQUIRE_CODES[0]) | (self.op == ACQUIRE_CODES[1]))

    def is_op(self, name: Operation) -> NDArray[np.bool_]:
        """Which calls are of that operation."""
        return cast("NDArray[np.bool_]", self.op == OP[name])

    def ended(self, name: Ending) -> NDArray[np.bool_]:
        """Which calls ended so."""
        return cast("NDArray[np.bool_]", self.outcome == ENDING[name])


def _number(value: np.int64) -> int | None:
    return None if value == NONE else int(value)


def alike(value: int, count: int, kind: type[np.generic]) -> NDArray[Any]:
    """A column whose ``count`` rows are all ``value``; it takes no memory."""
    column: NDArray[Any] = np.ndarray((count,), kind, np.asarray(value, kind), strides=(0,))
    column.flags.writeable = False
    return column
