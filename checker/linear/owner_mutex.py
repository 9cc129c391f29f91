"""An owner mutex that never lapses: releases belong to the acquirer (CHECKERS §1, §3, §4). O(n log n).

The lock is certainly held through a hold's core [A.ret, R.inv], so disjoint cores force the order of holds. Between
two of them it is certainly free on the forced gap (R.ret, next A.inv); an exact refusal strictly inside one is wrong.
A ghost (an acquire of unknown effect) of a lock that never lapses holds to the end if it took effect, so at most one
matters, and it shortens the last gap.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from checker.calls import NEVER
from checker.linear.clients import Core, Flexible, Told, read_clients
from checker.linear.operations import VALID, Answer, Operation

BEFORE_ALL = -NEVER


def owner_mutex(operations: Sequence[Operation]) -> Answer:
    """Whether the operations are those of one owner mutex that begins free. Undecided (None) only where a client goes
    on after a lost acquire and exact refusals depend on where that hold lay, or acts in a way §4 does not cover."""
    told = read_clients(operations)
    if told.wrong is not None:
        return told.wrong
    cores = sorted(told.cores, key=lambda core: (core.start, core.end))
    answer = _disjoint(cores) or _flexible_fit(cores, told.flexible)
    if answer is not None or told.undecided is not None:
        return answer or told.undecided or VALID
    refusals = [operation for operation in operations if operation.letter == "F"]
    return _refusals(cores, told, refusals)


def _disjoint(cores: Sequence[Core]) -> Answer | None:
    """The first pair of cores that meet. Touching cores do not: the release is called before the acquire returns."""
    furthest: Core | None = None
    for core in cores:
        if furthest is not None and core.start < furthest.end:
            why = f"{furthest.client} certainly held it when {core.client} was granted it"
            return Answer(False, "double-grant", why, (*furthest.operations, *core.operations))
        if furthest is None or core.end >= furthest.end:
            furthest = core
    return None


def _flexible_fit(cores: Sequence[Core], flexible: Sequence[Flexible]) -> Answer | None:
    """A hold by a lost acquire needs one instant of its release outside the cores of all others."""
    for hold in flexible:
        if hold.release is None:
            continue
        for core in cores:
            if core.start < hold.release.inv and hold.release.ret < core.end:
                why = f"{hold.client} released it while {core.client} certainly held it"
                return Answer(False, "foreign-release", why, (*core.operations, hold.acquire, hold.release))
    return None


def _refusals(cores: Sequence[Core], told: Told, refusals: Sequence[Operation]) -> Answer:
    """Exact refusals: none may lie strictly inside a forced gap.

    A refusal that meets a core is right. One between two cores is judged by the forced gap there; where a hold by a
    lost acquire lies between the same two cores, it moves the hand-over, so a refusal that is not wrong is undecided.
    """
    ghost = min((operation.inv for operation in told.ghosts), default=NEVER)
    ends = [core.end for core in cores]
    for refusal in refusals:
        before = bisect_left(ends, refusal.inv)
        if before < len(cores) and cores[before].start <= refusal.ret:
            continue
        left = cores[before - 1] if before else _FIRST
        right = cores[before] if before < len(cores) else None
        free_until = ghost if right is None else right.granted
        if left.released < refusal.inv and refusal.ret < free_until:
            return _wrong(refusal, told.flexible)
        moved = _moved(refusal, left, right, told.flexible)
        if moved is not None:
            return moved
    return VALID


def _wrong(refusal: Operation, flexible: Sequence[Flexible]) -> Answer:
    """A refusal in a forced gap is wrong, unless a hold by a lost acquire may have filled that gap."""
    for hold in flexible:
        if hold.acquire.inv <= refusal.ret and hold.latest >= refusal.inv:
            return _undecided(refusal, hold)
    why = f"{refusal.client} was refused although nobody can have held it then"
    return Answer(False, "refused-while-free", why, (refusal,))


def _moved(refusal: Operation, left: Core, right: Core | None, flexible: Sequence[Flexible]) -> Answer | None:
    """Undecided where a hold by a lost acquire certainly lies (or may lie) between the same two cores."""
    until = NEVER if right is None else right.start
    for hold in flexible:
        if hold.release is not None and hold.release.ret >= left.end and hold.release.inv <= until:
            return _undecided(refusal, hold)
    return None


def _undecided(refusal: Operation, hold: Flexible) -> Answer:
    why = (
        f"{hold.client} went on after an acquire of unknown effect, and whether the refusal of {refusal.client} is "
        "right depends on when that took effect"
    )
    return Answer(None, "undecided", why, (hold.acquire, refusal))


_FIRST = Core("", BEFORE_ALL, BEFORE_ALL, BEFORE_ALL, BEFORE_ALL, ())
