"""Which algorithm judges which lock: linearizability of all locks of a history, from its spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from checker.linear.anonymous import anonymous_mutex
from checker.linear.operations import Answer, Answers, Operations, operations
from checker.linear.owner_mutex import owner_mutex
from checker.linear.read_write import read_write
from checker.linear.reentrant import reentrant
from checker.linear.semaphore import semaphore
from checker.search.locks import fallback
from histories.columns import Calls
from histories.spec import Spec


def algorithm(spec: Spec) -> Callable[[Operations], Answers]:
    """The algorithm for locks that promise this; what it does not cover it gives to the general search."""
    search = fallback(spec)
    if spec.read_write:
        # A lock that keeps an order of arrival refuses readers because a writer waits.
        return lambda found: read_write(found, fair=spec.most_overtakes is not None, decide=search)
    if spec.permits > 1:
        return lambda found: semaphore(found, spec.permits, owners=spec.owners == "owner", decide=search)
    if spec.owners == "anonymous":
        return anonymous_mutex
    if spec.reentry_limit > 1:
        return lambda found: reentrant(found, spec.reentry_limit, decide=search)
    return lambda found: owner_mutex(found, search)


def linear_answers(calls: Calls, spec: Spec) -> dict[int, Answer]:
    """What is wrong with the locks of a history, by number of the lock; a witness holds rows of ``calls``."""
    found = operations(calls, spec)
    answers = algorithm(spec)(found)
    rows = {lock: tuple(found.number[list(answer.witness)].tolist()) for lock, answer in answers.items()}
    return {lock: replace(answer, witness=rows[lock]) for lock, answer in answers.items()}
