"""Small random histories of locks: mostly what a lock may have answered, at times that touch and overlap a lot."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from checker.linear.operations import LETTERS, NEVER, Answer, Answers, Operations
from tests.unit.checker.referee import Op, Step, linearizable

SEARCHED = int(os.environ.get("LOCKQUAKE_REFEREE_HISTORIES", "10000"))
"""Random histories per comparison."""


@dataclass(frozen=True)
class Draw:
    """``letters``: what is drawn from. ``wrong``: how often an answer is one the lock may not give. ``retire``: after a
    result of unknown effect a client only releases. ``spread``: how far calls and returns lie from the effect."""

    step: Step
    initial: Hashable
    letters: str
    weights: tuple[int, ...] = (1,)
    shared: tuple[bool, ...] = (False,)
    clients: int = 4
    operations: int = 10
    wrong: float = 0.06
    retire: bool = True
    spread: int = 8


def history(random: Random, draw: Draw) -> list[Op]:
    """Operations in order of (inv, ret); a client's own come one after another."""
    effects = _effects(
        random, draw, random.randint(2, draw.clients), max(random.randint(1, draw.operations) for _ in range(2))
    )
    spread = random.randint(1, draw.spread)
    ops: list[Op] = []
    free: dict[int, int] = {}
    points = [3 * number for number in range(len(effects))]
    for number, op in enumerate(effects):
        point = points[number]
        later = (points[other] for other in range(number + 1, len(effects)) if effects[other].client == op.client)
        inv = random.randint(max(free.get(op.client, -spread), point - spread), point)
        ret = min(random.randint(point, point + spread), next(later, NEVER) - 1)
        free[op.client] = ret + 1
        ops.append(op._replace(inv=inv + spread, ret=NEVER if op.letter in "CD" else ret + spread))
    return _sorted(ops)


def _sorted(ops: list[Op]) -> list[Op]:
    return sorted(ops, key=lambda op: (op.inv, op.ret))


def _effects(random: Random, draw: Draw, clients: int, count: int) -> list[Op]:
    state: Any = draw.initial
    effects: list[Op] = []
    lost: set[int] = set()
    for _ in range(20 * count):
        client = random.randrange(clients)
        letter = random.choice("RRDN" if client in lost and draw.retire else draw.letters)
        if letter not in draw.letters or (letter in "CD" and random.random() < 0.5):
            continue
        op = Op(letter, client, 0, 0, random.choice(draw.weights), random.choice(draw.shared))
        after = draw.step(state, op)
        if letter not in "CD" and after is None and random.random() > draw.wrong:
            continue
        if after is not None and (letter not in "CD" or random.random() < 0.5):
            state = after
        lost |= {client} if letter in "CD" else set()
        effects.append(op)
        if len(effects) == count:
            break
    return effects


def columns(histories: Sequence[Sequence[Op]]) -> Operations:
    """Many histories as one, each of a lock of its own."""
    rows = [(op, lock) for lock, history in enumerate(histories) for op in history]
    order = sorted(range(len(rows)), key=lambda row: (rows[row][0].inv, rows[row][0].ret))
    ops = [rows[row][0] for row in order]
    return Operations(
        np.array([LETTERS.index(op.letter) for op in ops], np.uint8), np.array([op.client for op in ops], np.int32),
        np.array([rows[row][1] for row in order], np.int32), np.array([op.inv for op in ops], np.int64),
        np.array([op.ret for op in ops], np.int64), np.arange(len(ops)), np.array([op.weight for op in ops], np.int32),
        np.array([op.shared for op in ops], np.bool_),
    )  # fmt: skip


def rows_of(operations: Operations, rows: Sequence[int]) -> list[Op]:
    """Some operations as the referee sees them."""
    found = operations.take(np.array(rows, np.intp))
    columns = (found.letter, found.client, found.inv, found.ret, found.weight, found.shared)
    return [Op(LETTERS[row[0]], *row[1:]) for row in zip(*(column.tolist() for column in columns), strict=True)]


def compare(judge: Callable[[Operations], Answers], draw: Draw, count: int = SEARCHED) -> Counter[bool | None]:
    """Judge that many histories in one go and compare each with the referee. Undecided answers are only counted."""
    histories = [history(Random(seed), draw) for seed in range(count)]
    operations = columns(histories)
    answers = judge(operations)
    found: Counter[bool | None] = Counter()
    for lock, ops in enumerate(histories):
        answer = answers.get(lock)
        valid = True if answer is None else answer.valid
        found[valid] += 1
        if valid is not None:
            assert valid is linearizable(ops, draw.step, draw.initial), (lock, ops, answer)
        if answer is not None:
            check_answer(operations, lock, answer)
    return found


@st.composite
def few_operations(
    draw: st.DrawFn, letters: str, weights: Sequence[int] = (1,), shared: Sequence[bool] = (False,)
) -> list[Op]:
    """Up to eight operations of any letters at any times, drawn so that a disagreement shrinks."""
    ops: list[Op] = []
    for client in range(draw(st.integers(1, 3))):
        now = 0
        for letter in draw(st.lists(st.sampled_from(letters), max_size=min(4, 8 - len(ops)))):
            inv = now + draw(st.integers(1, 4))
            now = inv + draw(st.integers(0, 5))
            weight, mode = draw(st.sampled_from(weights)), draw(st.sampled_from(shared))
            ops.append(Op(letter, client, inv, NEVER if letter in "CD" else now, weight, mode))
    return _sorted(ops)


def agree(judge: Callable[[Operations], Answers], ops: list[Op], step: Step, initial: Hashable) -> bool | None:
    """The answer for one history, which is right or left open."""
    answer = judge(columns([ops])).get(0)
    valid = True if answer is None else answer.valid
    assert valid in {None, linearizable(ops, step, initial)}, answer
    return valid


shrinking = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
"""Fewer examples, but what they find is shrunk."""


def check_answer(operations: Operations, lock: int, answer: Answer) -> None:
    """An answer's witness is of that lock, and its words can be filled in."""
    assert answer.witness
    assert set(operations.lock[list(answer.witness)].tolist()) == {lock}
    clients = operations.client[list(answer.witness)].tolist()
    assert "{" not in answer.why.format(*clients)


def referee_decides(step: Step, initial: Hashable) -> Callable[[Operations], Answer | None]:
    """The referee as a general search."""

    @cache
    def valid(ops: tuple[Op, ...]) -> bool:
        return linearizable(list(ops), step, initial)

    def decide(operations: Operations) -> Answer | None:
        rows = range(len(operations))
        if valid(tuple(rows_of(operations, rows))):
            return None
        return Answer(False, "not-linearizable", "{0} and others", tuple(rows))

    return decide
