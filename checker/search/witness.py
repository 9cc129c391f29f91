"""Why a history is not linearizable, in few operations.

What is taken away never makes an order illegal that was legal before, so operations that cannot be ordered show that
the whole history cannot: what happens after the first failure; what the model calls droppable (reads, and writes of
values that nobody left sees); and what had returned before some moment, of which only the possible states are kept.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from checker.search.budget import Budget
from checker.search.models import Model, State
from checker.search.search import Cut, Outcome, search
from checker.search.timeline import Op

FEW = 12
"""A witness of no more operations is shown whole, from the beginning; else one from a later moment on is looked for."""


@dataclass(frozen=True, slots=True)
class Witness:
    """``operations``: numbers of the operations that cannot be ordered, in order of calling, among them ``stuck``, at
    whose return it first fails. ``ops``: the same operations as they count: those that had not returned when
    ``stuck`` did may not have happened. ``starts``: the states possible before them, None for the beginning."""

    operations: tuple[int, ...]
    ops: tuple[Op, ...]
    stuck: int
    starts: tuple[State, ...] | None = None


def shrink(model: Model, ops: Sequence[Op], outcome: Outcome, budget: Budget | None = None) -> Witness:
    """A small witness of ``outcome``, the invalid one of these operations; smaller the more it may cost.

    The best is one that begins where the history does and has FEW operations; the next best has FEW and begins as
    early as possible. Raises ValueError for an outcome that is not invalid.
    """
    if outcome.valid is not False or outcome.stuck is None:
        raise ValueError("only what is not linearizable has a witness")
    # With less to go by an order is harder to rule out. What takes much longer than the whole did is not worth it.
    budget = budget or Budget(10_000 + 4 * outcome.effort.configurations, 256 << 20, 3.0)
    until = time.monotonic() + budget.seconds
    stuck = _failing(model, ops, outcome.stuck, budget, until) if outcome.foreseen else outcome.stuck
    bare = _Shrinking(model, ops, stuck, None, budget, until)
    best = bare.run() if bare.bare() else None
    for cut in (*outcome.cuts, None):
        if best is not None and (time.monotonic() > until or (best.starts is None and len(best.ops) <= FEW)):
            break
        found = _Shrinking(model, ops, stuck, cut, budget, until).run()
        if found is not None and (best is None or _rank(found) <= _rank(best)):
            best = found
    assert best is not None
    return best


def _rank(found: Witness) -> int:
    """Below FEW it is better to begin earlier, which is tried later."""
    return max(FEW, len(found.ops))


def _failing(model: Model, ops: Sequence[Op], stuck: int, budget: Budget, until: float) -> int:
    """The operation at whose return the history first cannot be ordered; a later one where that takes too long.

    A model that foresees tells of an earlier one. So what comes after that is halved.
    """

    def fails(last: int) -> bool:
        left = replace(budget, seconds=max(0.0, until - time.monotonic()))
        return search(model, list(between(ops, last, None).values()), left).valid is False

    later = sorted((op.ret, i) for i, op in enumerate(ops) if not op.ghost and (op.ret, i) >= (ops[stuck].ret, stuck))
    if fails(stuck):
        return stuck
    low, high = 0, len(later) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fails(later[middle][1]) else (middle, high)
    return later[high][1]


class _Shrinking:
    def __init__(
        self, model: Model, ops: Sequence[Op], stuck: int, cut: Cut | None, budget: Budget, until: float
    ) -> None:
        self.model = model
        self.stuck = stuck
        self.budget = budget
        self.until = until
        self.ops = between(ops, stuck, cut)
        self.starts = None if cut is None else cut.states
        self.kept = sorted(self.ops, key=lambda i: (self.ops[i].inv, i))

    def bare(self) -> bool:
        """Take out all that may be dropped at once, whether few or many; False where that is too much."""
        groups = self.model.droppable([self.ops[i].action for i in self.kept])
        loose = {self.kept[place] for group in groups for place in self._without_stuck(group)}
        return self._try(tuple(loose))

    def _without_stuck(self, group: tuple[int, ...]) -> tuple[int, ...]:
        return () if any(self.kept[place] == self.stuck for place in group) else group

    def run(self) -> Witness | None:
        """None where the operations can be ordered: a cut forgets which states go with which ghosts used up."""
        if self.starts is not None and not self._try(()):
            return None
        self._drop_pure()
        self._drop_groups()
        return Witness(tuple(self.kept), tuple(self.ops[i] for i in self.kept), self.stuck, self.starts)

    def _drop_pure(self) -> None:
        """Take out operations that change nothing: first all at once, then half of them, at last one by one."""
        pure = [i for i in self.kept if i != self.stuck and self.model.pure(self.ops[i].action)]
        size = len(pure)
        while size:
            for start in range(0, len(pure), size):
                self._try(pure[start : start + size])
            left = set(self.kept)
            pure = [i for i in pure if i in left]
            size = min(size // 2, len(pure)) if size > 1 else 0

    def _drop_groups(self) -> None:
        """Take out what the model calls droppable, again and again, since that makes other things droppable.

        What could not be taken out once never can be: with still less left, the rest could be ordered all the more.
        """
        tried: set[tuple[int, ...]] = set()
        while any(self._try(group) for group in self._groups(tried)):
            pass

    def _groups(self, tried: set[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
        """What may be dropped from what is kept now, and was not yet tried."""
        kept = list(self.kept)
        for places in self.model.droppable([self.ops[i].action for i in kept]):
            group = tuple(kept[place] for place in places)
            if group not in tried:
                tried.add(group)
                yield group

    def _try(self, group: Sequence[int]) -> bool:
        """Take the group out if the rest surely cannot be ordered either."""
        gone = set(group)
        left = self.until - time.monotonic()
        if self.stuck in gone or left <= 0:
            return False
        kept = [i for i in self.kept if i not in gone]
        rest = [self.ops[i] for i in kept]
        if search(self.model, rest, replace(self.budget, seconds=left), self.starts).valid is not False:
            return False
        self.kept = kept
        return True


def between(ops: Sequence[Op], stuck: int, cut: Cut | None) -> dict[int, Op]:
    """The operations, by number, that matter after the cut and until ``stuck`` returns. Those pending at either moment
    may not have happened."""
    begin = (-1, -1) if cut is None else (cut.time, cut.after)
    end = (ops[stuck].ret, stuck)
    found: dict[int, Op] = {}
    used = frozenset() if cut is None else cut.used
    for i, op in enumerate(ops):
        if op.inv <= end[0] and (op.ret, i) > begin and i not in used:
            sure = op.inv > begin[0] and (op.ret, i) <= end
            found[i] = op if sure or i == stuck else Op(op.action, op.inv)
    return found
