"""Order and times of operations.

In a Jepsen history the order of the operations is the real one: its checkers look at nothing else. Times are taken a
little before an operation is written down, so that neighbours may stand the other way round. Here times say what came
first, so they are raised until they tell the same order. Not where the lock has leases: those are judged by times, and
a later time of an acquire would be a longer lease; then times stay as they were written, and order them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from histories.jepsen.operation import Op
from histories.jepsen.source import Source

STEP_NS = 1_000
"""Between two operations whose times are not known."""


def in_order(ops: list[Op], source: Source) -> list[Op]:
    """The operations by ``:index``, where all have one."""
    indices = [op.index for op in ops if op.index is not None]
    if len(indices) < len(ops) or all(one <= other for one, other in pairwise(indices)):
        return ops
    source.say("the operations do not stand in order of :index, which was taken as their order")
    return [ops[place] for place in sorted(range(len(ops)), key=indices.__getitem__)]


def settle(ops: Sequence[Op], by_time: bool, source: Source) -> None:
    """Set ``t`` of each operation, so that what ended before another began has the smaller time.

    ``by_time``: times order the operations, not their places. Raises HistoryError then where there are none.
    """
    if _without_times(ops):
        if by_time:
            raise source.error(ops[0].line, "no useful times, but a lease is judged by times; give a spec without one")
        source.say("without useful :time, so operations count as 1 µs apart in the order they stand in")
        for place, op in enumerate(ops):
            op.t = place * STEP_NS
        return
    first = min(min((op.time or 0 for op in ops), default=0), 0)
    latest: dict[int | str | None, int] = {}
    for op in ops:
        op.t = (op.time or 0) - first
        if by_time:
            op.t = latest[op.process] = max(op.t, latest.get(op.process, 0))
    _raise(sorted(ops, key=lambda op: op.t) if by_time else ops, source)


def _without_times(ops: Sequence[Op]) -> bool:
    return any(op.time is None for op in ops) or (len(ops) > 1 and all(op.time == ops[0].time for op in ops))


def _raise(ops: Sequence[Op], source: Source) -> None:
    clock = latest = against = most = 0
    ended = False
    """Whether something ended at ``clock``: what begins after it then needs a later time."""
    for op in ops:
        if op.t < latest:
            against, most = against + 1, max(most, clock - op.t)
        latest = max(op.t, latest)
        ended = ended and op.t <= clock
        clock = max(op.t, clock) + (ended and op.kind == "invoke")
        ended = op.kind != "invoke" and (ended or isinstance(op.process, int))
        op.t = clock
    if against:
        source.say(
            f"{against} times ran against the order of the operations, which counts; "
            f"they were raised, by at most {most / 1e6:.3f} ms"
        )
