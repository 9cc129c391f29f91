"""Locks for the referee: what a semaphore, a re-entrant mutex and a read-write lock allow, one operation at a time."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from tests.unit.checker.referee import FREE, Op, Step

Held = frozenset[tuple[Hashable, int]]
"""Who holds how many permits. Who holds none is not in it."""

NONE_HELD: Held = frozenset()


def semaphore(permits: int, *, owners: bool) -> Step:
    """``permits`` to give away, ``weight`` at a time. A client may hold several grants and give them back in any parts;
    without owners anybody gives back. The state is Held, NONE_HELD at first."""

    def step(state: Any, op: Op) -> Hashable | None:
        me = op.client if owners else "anybody"
        held = dict(state)
        mine, free = held.get(me, 0), permits - sum(held.values())
        match op.letter:
            case "A" | "C":
                change = op.weight if op.weight <= free else None
            case "R" | "D":
                change = -op.weight if op.weight <= mine else None
            case "F":
                change = 0 if op.weight > free else None
            case _:
                change = 0 if op.weight > mine else None
        if change is None:
            return None
        held[me] = mine + change
        return frozenset(item for item in held.items() if item[1])

    return step


def reentrant(limit: int) -> Step:
    """An owner mutex that its holder may take ``limit`` times in all. The state is (holder, depth), or FREE."""

    def step(state: Any, op: Op) -> Hashable | None:
        holder, depth = (op.client, 0) if state == FREE else state
        own = holder == op.client
        match op.letter:
            case "A" | "C":
                return (op.client, depth + 1) if own and depth < limit else None
            case "R" | "D":
                return None if not own or depth == 0 else (op.client, depth - 1) if depth > 1 else FREE
            case "F":
                return None if own and depth < limit else state
            case _:
                return None if own and depth else state

    return step


NOBODY_IN: tuple[Hashable, tuple[int, ...]] = (None, ())
"""The state of a read-write lock: the writer, and the readers (a client as often as it reads)."""


def read_write(*, fair: bool = False) -> Step:
    """Many readers or one writer. A client may read several times at once. ``fair``: reads may be refused any time."""

    def step(state: Any, op: Op) -> Hashable | None:
        writer, readers = state
        mine = readers.count(op.client) if op.shared else int(writer == op.client)
        free = writer is None and (op.shared or not readers)
        match op.letter:
            case "A" | "C" if free:
                return (None, tuple(sorted((*readers, op.client)))) if op.shared else (op.client, ())
            case "R" | "D" if mine and op.shared:
                at = readers.index(op.client)
                return writer, readers[:at] + readers[at + 1 :]
            case "R" | "D" if mine:
                return NOBODY_IN
            case "F" if not free or (fair and op.shared):
                return state  # type: ignore[no-any-return]
            case "N" if not mine:
                return state  # type: ignore[no-any-return]
            case _:
                return None

    return step
