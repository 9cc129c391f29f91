"""The referee: an exhaustive search for an order of operations that a mutex allows. Small, obvious, slow.

Source of the idea: J. Wing, C. Gong, Testing and verifying concurrent objects, 1993.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from checker.linear.operations import Operation

OPTIONAL = {"C", "D"}


def step(letter: str, client: str, holder: str | None, *, anonymous: bool) -> tuple[bool, str | None]:
    """(whether the operation is legal, the holder afterwards)."""
    me = "anybody" if anonymous else client
    match letter:
        case "A" | "C":
            return holder is None, me
        case "R" | "D":
            return holder == me, None
        case "F":
            return holder is not None, holder
        case _:
            return holder != me, holder


def linearizable(operations: Sequence[Operation], *, anonymous: bool = False) -> bool:
    """Whether some order, respecting who returned before whom was called, is legal. C and D may be left out."""
    everything = frozenset(range(len(operations)))

    @cache
    def search(left: frozenset[int], holder: str | None) -> bool:
        if all(operations[i].letter in OPTIONAL for i in left):
            return True
        soonest = min(operations[i].ret for i in left)
        for i in left:
            operation = operations[i]
            if operation.inv > soonest:
                continue
            legal, after = step(operation.letter, operation.client, holder, anonymous=anonymous)
            if legal and search(left - {i}, after):
                return True
        return False

    return search(everything, None)
