"""What an answer about an owner mutex shows is wrong by itself, and is the first of its kind."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import combinations
from random import Random

import numpy as np
import pytest

from checker.linear.operations import NEVER, A, C, D, Operations, R
from checker.linear.owner_mutex import owner_mutex
from tests.unit.checker.lock_histories import (
    HISTORIES,
    LOST,
    RETIRED,
    History,
    Searched,
    as_ops,
    needed,
    owner_history,
    tiny,
    together,
    touching,
)
from tests.unit.checker.referee import linearizable

judge = partial(owner_mutex, decide=Searched())

RANDOM = [owner_history(Random(seed), (*RETIRED, *LOST)) for seed in range(HISTORIES)]
COMPETING = [owner_history(Random(seed), ("CD", "CD", "CR", "AR", ""), ("AR", "F", "F")) for seed in range(HISTORIES)]


@pytest.mark.parametrize(
    "histories", [RANDOM, COMPETING, list(tiny(4, 4, "ARFC"))], ids=["random", "competing", "tiny"]
)
def test_a_witness_alone_is_wrong(histories: list[History]) -> None:
    """With the acquires of the holds whose releases it has: the referee rejects it."""
    operations = together(histories)
    shown: Counter[str] = Counter()
    for lock, answer in judge(operations).items():
        numbers = operations.number[list(answer.witness)].tolist()
        alone = needed(histories[lock], numbers)
        assert not linearizable(as_ops(alone)), (histories[lock], answer, alone)
        by_lost_acquires = "acquires of unknown effect" in answer.why
        assert by_lost_acquires or len(answer.witness) <= 4, answer
        if answer.kind == "refused-while-free":
            tried = histories[lock][numbers[0]]
            assert tried.letter == "F"
            assert linearizable(as_ops(call for call in alone if call is not tried)), (histories[lock], answer)
        shown["by lost acquires"] += by_lost_acquires
        shown[answer.kind] += 1
    assert shown["double-grant"] + shown["refused-while-free"] > len(histories) // 20, shown
    assert shown["by lost acquires"] > 0 or histories is not COMPETING, shown


def test_the_words_name_the_clients_of_the_first_two_operations() -> None:
    """So the first two are of the two clients that the words tell apart."""
    operations = together(RANDOM)
    for answer in judge(operations).values():
        clients = operations.client[list(answer.witness[:2])].tolist()
        if "{1}" in answer.why:
            assert clients[0] != clients[1], answer


def test_a_double_grant_shows_both_holds() -> None:
    operations = together(RANDOM)
    answers = [answer for answer in judge(operations).values() if "certainly held it when" in answer.why]
    assert answers
    for answer in answers:
        first, second, *releases = answer.witness
        assert operations.letter[[first, second]].tolist() == [A, A]
        assert operations.ret[first] <= operations.ret[second]
        assert np.isin(operations.letter[releases], (R, D)).all()


def test_the_first_of_several_is_named() -> None:
    """Double grants come before all others, and of several the one whose second grant returned first."""
    histories = [owner_history(Random(seed), (*RETIRED, *LOST), ("AR", "AFR", "N")) for seed in range(HISTORIES)]
    operations = together(histories)
    answers = judge(operations)
    moments = {lock: moment for lock, history in enumerate(histories) if (moment := _moment(history)) is not None}
    named = {lock: operations.ret[a.witness[1]] for lock, a in answers.items() if a.kind == "double-grant"}
    assert len(moments) > HISTORIES // 10
    assert named == moments


def _moment(history: History) -> int | None:
    """When the first second grant returned: of two certain holds that had some time in common."""
    cores = []
    for i, call in enumerate(history):
        own = [other for other in history[i + 1 :] if other.client == call.client and other.letter != "F"]
        letters = "".join(other.letter for other in own)
        if call.letter == "A":
            end = own[1] if letters.startswith("DR") else own[0] if own else None
            cores.append((call.ret, NEVER if end is None else end.inv))
    pairs = [(max(a, c), min(b, d)) for (a, b), (c, d) in combinations(cores, 2)]
    return min((start for start, end in pairs if start < end), default=None)


def test_undecided_shows_the_lost_acquire_and_the_refusal() -> None:
    operations = together(RANDOM)
    undecided = [answer for answer in owner_mutex(operations).values() if answer.valid is None]
    assert undecided
    for answer in undecided:
        assert operations.letter[answer.witness[0]] == C
        assert answer.kind == "undecided"


def test_touching_histories_have_witnesses_too() -> None:
    histories = [touching(history) for history in tiny(3, 3, "ARFNC")]
    operations: Operations = together(histories)
    for lock, answer in judge(operations).items():
        alone = needed(histories[lock], operations.number[list(answer.witness)].tolist())
        assert not linearizable(as_ops(alone)), (histories[lock], answer)
