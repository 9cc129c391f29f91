"""Operations of a lock, judged by the general search: the fallback for what no exact kernel covers.

Refusals are judged like everything else, so they must be exact ones (see :attr:`histories.spec.Spec.refusals`). The
lock begins free and never lapses.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from checker.linear.operations import LETTERS, Answer, Operations
from checker.search.budget import Budget
from checker.search.models import (
    FREE,
    LOST,
    AnonymousMutex,
    Ask,
    FencedMutex,
    LockModel,
    Model,
    OwnerMutex,
    ReadWriteLock,
    ReentrantMutex,
    Semaphore,
    State,
)
from checker.search.search import Outcome, search
from checker.search.timeline import Op
from checker.search.witness import shrink
from histories.spec import Spec

FALLBACK = Budget(configurations=2_000_000, bytes=512 << 20, seconds=20.0)
"""For one cluster of operations, of which a history may have many."""

ALTOGETHER = 60.0
"""Seconds for all clusters of one history."""

_SAID = {
    "A": "{0} was granted it",
    "R": "{0} released it",
    "F": "{0} was refused",
    "N": "{0} was told that it did not hold it",
}
_CERTAIN = {"A": "A", "C": "A", "R": "R", "D": "R", "F": "F", "N": "N"}


def model_of(spec: Spec, *, fenced: bool = False) -> Model:
    """The sequential model of the lock that a spec describes. ``fenced``: its grants' fencing tokens are given too."""
    if spec.read_write:
        # A lock that keeps an order of arrival refuses readers because a writer waits.
        return ReadWriteLock(fair=spec.most_overtakes is not None)
    owners = spec.owners == "owner"
    if spec.permits > 1:
        return Semaphore(spec.permits, owners)
    if not owners:
        return AnonymousMutex()
    mutex = ReentrantMutex(spec.reentry_limit) if spec.reentry_limit > 1 else OwnerMutex()
    return FencedMutex(mutex) if fenced else mutex


def fallback(
    spec: Spec, budget: Budget = FALLBACK, altogether: float = ALTOGETHER
) -> Callable[[Operations], Answer | None]:
    """What the exact kernels call for a cluster of operations that they do not cover; see :func:`decide`.

    ``budget`` is for one cluster, ``altogether`` (seconds) for all of a history: when it is used up, the others are
    undecided.
    """
    left = altogether

    def within(operations: Operations) -> Answer | None:
        nonlocal left
        started = time.monotonic()
        answer = decide(operations, spec, replace(budget, seconds=max(0.0, min(budget.seconds, left))))
        left -= time.monotonic() - started
        return answer

    return within


def decide(
    operations: Operations, spec: Spec, budget: Budget = FALLBACK, tokens: Sequence[int | None] | None = None
) -> Answer | None:
    """What is wrong with these operations, None where they are linearizable.

    Operations of several locks are judged lock by lock; of several answers a violation comes first. ``tokens``: the
    fencing tokens of the grants, one per operation (None: not known); without them tokens are not judged. Undecided
    (``valid`` None) when the budget is used up; the witness then is what was pending.
    """
    undecided: Answer | None = None
    for lock in np.unique(operations.lock):
        rows = np.flatnonzero(operations.lock == lock)
        answer = _decide_one(operations.take(rows), rows.tolist(), spec, budget, tokens)
        if answer is not None and answer.valid is False:
            return answer
        undecided = undecided or answer
    return undecided


def _decide_one(
    operations: Operations, rows: list[int], spec: Spec, budget: Budget, tokens: Sequence[int | None] | None
) -> Answer | None:
    fenced = spec.fenced and tokens is not None
    model = model_of(spec, fenced=fenced)
    ops = lock_ops(operations, spec, [tokens[row] for row in rows] if fenced and tokens is not None else None)
    if isinstance(model, LockModel) and model.owners:
        ops = without_idle_owners(ops, reentrant=spec.reentry_limit > 1)
    outcome = search(model, ops, budget)
    if outcome.valid:
        return None
    letters = [LETTERS[code] for code in operations.letter.tolist()]
    if outcome.valid is None:
        return _undecided(outcome, rows)
    witness = shrink(model, ops, outcome)
    first = witness.stuck
    others = [i for i in witness.operations if i != first]
    why = f"{_SAID[letters[first]]}, and no order of {len(others)} other operations explains that"
    why += "" if witness.starts is None else f" (before them it was {_states(witness.starts)})"
    return Answer(False, "not-linearizable", why, tuple(rows[i] for i in (first, *others)))


def _undecided(outcome: Outcome, rows: list[int]) -> Answer:
    first = outcome.stuck if outcome.stuck is not None else outcome.pending[0]
    others = [i for i in outcome.pending if i != first]
    why = (
        f"the search for an order used up its budget ({outcome.spent}) where an operation of {{0}} was to be placed "
        f"among {len(others)} others"
    )
    return Answer(None, "undecided", why, tuple(rows[i] for i in (first, *others)))


def _states(states: Sequence[State]) -> str:
    """Whether it was free or held before; clients are only numbers here."""
    free = [state in {FREE, ()} or (isinstance(state, tuple) and state[0] == FREE) for state in states]
    return " or ".join(word for word, there in (("free", any(free)), ("held", not all(free))) if there)


def lock_ops(operations: Operations, spec: Spec, tokens: Sequence[int | None] | None = None) -> list[Op]:
    """The operations as the search takes them, in the same order; what makes no difference to the lock is left out, so
    that more operations are alike."""
    columns = zip(
        operations.letter.tolist(), operations.client.tolist(), operations.inv.tolist(), operations.ret.tolist(),
        operations.weight.tolist(), operations.shared.tolist(), tokens or [None] * len(operations), strict=True,
    )  # fmt: skip
    owners, counted = spec.owners == "owner" or spec.read_write, spec.permits > 1 and not spec.read_write
    return [
        Op(
            Ask(
                _CERTAIN[LETTERS[letter]],  # type: ignore[arg-type]
                client if owners else 0,
                weight if counted else 1,
                shared and spec.read_write,
                token,
            ),
            inv,
            ret,
        )
        for letter, client, inv, ret, weight, shared, token in columns
    ]


def without_idle_owners(ops: Sequence[Op], *, reentrant: bool) -> list[Op]:
    """The same, with all clients as one, LOST, that never give back and are never told that they do not hold.

    Who of them holds the lock makes no difference to anybody. Of a reentrant lock only those that do one thing only.
    """
    busy = {op.action.client for op in ops if op.action.letter in "RN"}
    if reentrant:
        counted = Counter(op.action.client for op in ops)
        busy |= {client for client, count in counted.items() if count > 1}
    lost = [op.action.client not in busy and op.action.letter == "A" for op in ops]
    return [
        op._replace(action=op.action._replace(client=LOST)) if gone else op for op, gone in zip(ops, lost, strict=True)
    ]
