"""Locks that an exact algorithm does not cover go, whole, to a general search, or are undecided and say why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from checker.linear.cluster import Decide
from checker.linear.line import Line
from checker.linear.operations import Answer, Operations
from checker.order import Rows, firsts

WITNESSES = 8
"""Operations named at most where nothing was decided."""

WENT_ON = (
    "{0} went on after a result of unknown effect, and what it held then, or whether a refusal is right, depends on "
    "when that took effect"
)

Hard = Mapping[int, tuple[Rows, str]]
"""By lock (the k of the k-th): places of the operations that make it hard, in ascending order, and why."""


def hard(line: Line, places: Rows, why: str) -> dict[int, tuple[Rows, str]]:
    """The locks of these places are hard because of them; ``why`` has ``{0}`` for the client of the first."""
    places = np.sort(places)
    locks = line.lock_of(places)
    begin = firsts(locks)
    return {lock: (own, why) for lock, own in zip(locks[begin].tolist(), np.split(places, begin[1:]), strict=False)}


def with_hard(
    answers: dict[int, Answer], operations: Operations, line: Line, hard: Hard, decide: Decide | None
) -> dict[int, Answer]:
    """The answers, and those of hard locks that have none yet."""
    for lock, (places, why) in hard.items():
        number = int(line.locks[lock])
        if number in answers:
            continue
        answer = _whole(operations, line, lock, places, why, decide)
        if answer is not None:
            answers[number] = answer
    return answers


def _whole(
    operations: Operations, line: Line, lock: int, places: Rows, why: str, decide: Decide | None
) -> Answer | None:
    if decide is None:
        return Answer(None, "undecided", why, tuple(line.original(places[:WITNESSES]).tolist()))
    rows = np.sort(line.original(np.arange(line.bounds[lock], line.bounds[lock + 1])))
    answer = decide(operations.take(rows))
    return answer and replace(answer, witness=tuple(rows[list(answer.witness)].tolist()))
