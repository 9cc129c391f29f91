"""The exact search for a counter: grants and returns of permits, and refusals that must meet certain counts.

An operation is placed only at a return, its own or another's: until then nothing forces it. Operations that take (or
give back) the same number of permits are interchangeable, so the one with the earliest return goes first. A refusal is
settled by the first suitable count that is met. With two permits or more it can pay to go out of one's way to meet such
a count, so several states live side by side; one that has placed less and settled no less replaces another.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

MOST = 200_000
"""States made by one search, after which it gives up."""


class TooWide(Exception):
    """More than MOST states: the search gave up."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Operations by number. ``step``: permits taken (> 0) or given back (< 0) by each, 0 for refusals; ``low`` …
    ``high``: the counts that make a refusal right. ``due``: order of the returns. ``kind``: equal for operations that
    are interchangeable, their step where they are nothing special. ``needs``: the operation that must have taken effect
    before, −1 for none."""

    permits: int
    step: list[int] = field(default_factory=list)
    low: list[int] = field(default_factory=list)
    high: list[int] = field(default_factory=list)
    due: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    needs: list[int] = field(default_factory=list)


class State(NamedTuple):
    """``level``: permits in use. ``done``: pending operations that took effect. ``waiting``: refusals not settled."""

    level: int
    done: frozenset[int]
    waiting: frozenset[int]


NOTHING: frozenset[int] = frozenset()


class Frontier:
    """All states worth keeping while the operations are called and return one after the other."""

    def __init__(self, ops: Counted, count: int, pending: Iterable[int], *, plain: bool) -> None:
        """``count`` permits are in use, some operations pending. ``plain``: all weigh 1, and nothing is special."""
        self.ops, self.plain = ops, plain
        self.states = [State(count, NOTHING, NOTHING)]
        self.made = 0
        self._pending: dict[int, list[tuple[int, int]]] = {}
        for op in pending:
            self.call(op)

    def call(self, op: int) -> None:
        """An operation is called."""
        ops = self.ops
        if ops.step[op]:
            insort(self._pending.setdefault(ops.kind[op], []), (ops.due[op], op))
            return
        low, high = ops.low[op], ops.high[op]
        self.states = [
            one if low <= one.level <= high else one._replace(waiting=one.waiting | {op}) for one in self.states
        ]

    def ret(self, op: int) -> bool:
        """An operation returns: it must be placed. False where that is impossible. Raises :class:`TooWide`."""
        found = set()
        for one in self.states:
            if self._placed(one, op):
                found.add(one)
            else:
                found.update(self._routes(one, op) if self.plain else self._anyhow(one, op))
        self._count(len(found))
        if self.ops.step[op]:
            self._pending[self.ops.kind[op]].remove((self.ops.due[op], op))
            found = {one._replace(done=one.done - {op}) for one in found}
        self.states = self._kept(found)
        return bool(found)

    def _placed(self, one: State, op: int) -> bool:
        return op in one.done if self.ops.step[op] else op not in one.waiting

    def _count(self, more: int) -> None:
        self.made += more
        if self.made > MOST:
            raise TooWide

    def _moved(self, one: State, kind: int) -> State | None:
        """The state after the pending operation of that kind that returns first."""
        op = next((op for _, op in self._pending.get(kind, ()) if op not in one.done), None)
        if op is None:
            return None
        level = one.level + self.ops.step[op]
        if not 0 <= level <= self.ops.permits or not (self.ops.needs[op] < 0 or self.ops.needs[op] in one.done):
            return None
        waiting = one.waiting
        if waiting:
            low, high = self.ops.low, self.ops.high
            waiting = frozenset(refusal for refusal in waiting if not low[refusal] <= level <= high[refusal])
        return State(level, one.done | {op}, waiting)

    def _routes(self, one: State, op: int) -> Iterator[State]:
        """Where all weigh 1: straight, or by way of the full or the empty count where a refusal waits for it."""
        full, empty = self.ops.permits, 0
        ways: list[tuple[int, ...]] = [()]
        up = any(self.ops.low[waiting] > 0 for waiting in one.waiting)
        down = any(self.ops.low[waiting] == 0 for waiting in one.waiting)
        ways += [(full,)] * up + [(empty,)] * down + [(full, empty), (empty, full)] * (up and down)
        for way in ways:
            after: State | None = one
            for level in way:
                after = after and self._walk(after, level)
            after = after and self._last(after, op)
            if after:
                yield after

    def _walk(self, one: State, level: int) -> State | None:
        after: State | None = one
        while after and after.level != level:
            after = self._moved(after, 1 if after.level < level else -1)
        return after

    def _last(self, one: State, op: int) -> State | None:
        """Straight on until the operation is placed."""
        if self._placed(one, op):
            return one
        step = self.ops.step[op]
        if not step:
            return self._walk(one, min(self.ops.low[op], self.ops.permits))
        straight = self._moved(one, step)
        if straight:
            return straight
        around = self._moved(one, -step)
        return around and self._moved(around, step)

    def _anyhow(self, one: State, op: int) -> list[State]:
        """In every order, up to the moment when the operation is placed."""
        seen, stack = {one}, [one]
        found: list[State] = []
        while stack:
            before = stack.pop()
            for kind in self._pending:
                after = self._moved(before, kind)
                if after is None or after in seen:
                    continue
                seen.add(after)
                (found if self._placed(after, op) else stack).append(after)
                self._count(1)
        return found

    def _kept(self, found: Iterable[State]) -> list[State]:
        """Those that no other replaces."""
        kept: list[State] = []
        for one in sorted(found, key=lambda state: (len(state.done), len(state.waiting), state.level)):
            if not any(self._replaces(other, one) for other in kept):
                kept.append(one)
        return kept

    def _replaces(self, one: State, other: State) -> bool:
        """Whether ``one`` can still do all that ``other`` did, and settled no less."""
        if not (one.done <= other.done and one.waiting <= other.waiting):
            return False
        if self.plain:
            return True
        steps = [self.ops.step[op] for op in other.done - one.done]
        taken = sum(step for step in steps if step > 0)
        given = sum(step for step in steps if step < 0)
        special = any(self.ops.needs[op] >= 0 for op in other.done - one.done)
        return one.level + taken <= self.ops.permits or (one.level + given >= 0 and not special)
