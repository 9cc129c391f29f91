"""The referee: an exhaustive search for an order of operations that a lock allows. Small, obvious, slow.

Source of the idea: J. Wing, C. Gong, Testing and verifying concurrent objects, 1993.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache
from typing import Any, NamedTuple

from checker.linear.operations import LETTERS, NEVER, Operations

OPTIONAL = {"C", "D"}
"""Operations of unknown effect may be left out."""


class Op(NamedTuple):
    """One operation as a referee sees it."""

    letter: str
    client: int
    inv: int
    ret: int
    weight: int = 1
    shared: bool = False


Step = Callable[[Any, Op], Hashable | None]
"""(state, operation) → the state afterwards, None where the operation is not legal. States are hashable, never None."""

FREE = "free"


def mutex(state: object, op: Op) -> Hashable | None:
    """An owner mutex; the state is the client that holds it, or FREE."""
    return _mutex(state, op.letter, op.client)


def anonymous(state: object, op: Op) -> Hashable | None:
    """A mutex without owners: anybody may release."""
    return _mutex(state, op.letter, "anybody")


def _mutex(holder: object, letter: str, me: Hashable) -> Hashable | None:
    match letter:
        case "A" | "C":
            return me if holder == FREE else None
        case "R" | "D":
            return FREE if holder == me else None
        case "F":
            return None if holder == FREE else holder  # type: ignore[return-value]
        case _:
            return None if holder == me else holder  # type: ignore[return-value]


def ops_of(operations: Operations, lock: int = 0) -> list[Op]:
    """The operations of one lock."""
    columns = zip(
        operations.letter.tolist(), operations.client.tolist(), operations.inv.tolist(), operations.ret.tolist(),
        operations.weight.tolist(), operations.shared.tolist(), operations.lock.tolist(), strict=True,
    )  # fmt: skip
    return [Op(LETTERS[row[0]], *row[1:6]) for row in columns if row[6] == lock]


def linearizable(ops: list[Op], step: Step = mutex, initial: Hashable = FREE) -> bool:
    """Whether some order, respecting who returned before whom was called, is legal. C and D may be left out."""
    everything = frozenset(range(len(ops)))

    @cache
    def search(left: frozenset[int], state: Hashable) -> bool:
        if all(ops[i].letter in OPTIONAL for i in left):
            return True
        soonest = min(ops[i].ret for i in left)
        for i in left:
            if ops[i].inv > soonest:
                continue
            after = step(state, ops[i])
            if after is not None and search(left - {i}, after):
                return True
        return False

    return search(everything, initial)


__all__ = ["FREE", "NEVER", "OPTIONAL", "Op", "Step", "anonymous", "linearizable", "mutex", "ops_of"]
