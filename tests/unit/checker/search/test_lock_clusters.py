"""The fallback for clusters of lock operations: right on every kind of lock, bounded, and it says what it found."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable
from random import Random

import pytest

from checker.linear.operations import Answer, Operations, written
from checker.search.budget import Budget
from checker.search.locks import decide, fallback, lock_ops, without_idle_owners
from checker.search.models import LOST
from histories.spec import Spec
from tests.unit.checker.referee import FREE, Op, Step, anonymous, linearizable, mutex, ops_of
from tests.unit.checker.referee_models import NOBODY_IN, NONE_HELD, read_write, reentrant, semaphore

SEARCHED = int(os.environ.get("LOCKQUAKE_REFEREE_HISTORIES", "10000")) // 2
"""Random clusters per kind of lock; the models themselves are compared in test_search."""
MUTEX = Spec(refusals="exact")

LOCKS: dict[str, tuple[Spec, Step, Hashable]] = {
    "owner mutex": (MUTEX, mutex, FREE),
    "anonymous mutex": (Spec(owners="anonymous", refusals="exact"), anonymous, FREE),
    "semaphore": (Spec(permits=3, refusals="exact"), semaphore(3, owners=True), NONE_HELD),
    "anonymous semaphore": (
        Spec(permits=2, owners="anonymous", refusals="exact"), semaphore(2, owners=False), NONE_HELD
    ),
    "reentrant mutex": (Spec(reentry_limit=2, refusals="exact"), reentrant(2), FREE),
    "read-write lock": (Spec(read_write=True, refusals="exact"), read_write(), NOBODY_IN),
    "fair read-write lock": (
        Spec(read_write=True, refusals="exact", most_overtakes=0), read_write(fair=True), NOBODY_IN
    ),
}  # fmt: skip


def cluster(random: Random, lock: int = 0) -> list[str]:
    """Up to 9 operations of up to 4 clients, in any order that each may ask in; few moments, so that many touch."""
    texts: list[str] = []
    for client in range(random.randint(2, 4)):
        letters = "".join(random.choices(("A", "AR", "AR", "R", "F", "N", "C", "D"), k=random.randint(0, 3)))
        if len(texts) + len(letters) > 9:
            continue
        times = sorted(random.sample(range(1, 21), 2 * len(letters)))
        for letter, inv, ret in zip(letters, times[::2], times[1::2], strict=True):
            shared = " shared" if random.random() < 0.6 else ""
            texts.append(f"p{client} {letter} {inv} {ret} weight={random.choice((1, 1, 2))} lock={lock}{shared}")
    return texts or ["p0 F 1 2 weight=9"]


def said(operations: Operations, answer: Answer, names: list[str]) -> str:
    """The answer's sentence with the clients' names in it."""
    return answer.why.format(*(names[client] for client in operations.client[list(answer.witness)].tolist()))


@pytest.mark.parametrize(("spec", "step", "initial"), LOCKS.values(), ids=LOCKS.keys())
def test_it_agrees_with_the_referee(spec: Spec, step: Step, initial: Hashable) -> None:
    answers: Counter[bool | None] = Counter()
    for seed in range(SEARCHED):
        operations, names = written(cluster(Random(seed)))
        answer = decide(operations, spec)
        found = ops_of(operations)
        assert (answer is None) is linearizable(found, step, initial), (seed, found, answer)
        if answer is not None:
            assert answer.valid is False
            assert said(operations, answer, names)
            assert len(set(answer.witness)) == len(answer.witness) > 0
            if seed % 4 == 0:
                assert_shows_it(found, answer, step, initial)
        answers[answer is None] += 1
    assert min(answers[True], answers[False]) > SEARCHED // 30, answers


def assert_shows_it(found: list[Op], answer: Answer, step: Step, initial: Hashable) -> None:
    """The witness' operations cannot be ordered; what had not returned when the first did may be left out."""
    first = found[answer.witness[0]]
    later = {"A": "C", "R": "D"}
    end = (first.ret, answer.witness[0])
    own = [
        op if (op.ret, i) <= end else op._replace(letter=later.get(op.letter, op.letter), ret=1 << 62)
        for i, op in ((i, found[i]) for i in answer.witness)
    ]
    assert not linearizable(own, step, initial), (found, answer)


def test_a_violation_says_who_and_among_how_many() -> None:
    operations, names = written(["p1 A 1 2", "p2 A 3 4", "p3 F 5 6", "p1 R 7 8", "p3 A 20 21", "p3 R 22 23"])
    answer = decide(operations, MUTEX)
    assert answer is not None
    assert (answer.valid, answer.kind) == (False, "not-linearizable")
    assert said(operations, answer, names) == "p2 was granted it, and no order of 1 other operations explains that"
    assert [names[client] for client in operations.client[list(answer.witness)].tolist()] == ["p2", "p1"]


def test_locks_are_judged_apart_and_a_violation_comes_first() -> None:
    fine = ["p1 A 1 2 lock=1", "p2 A 3 4 lock=2", "p3 A 5 6 lock=3"]
    operations, _ = written(fine)
    assert decide(operations, MUTEX) is None
    operations, _ = written([*fine, "p4 A 7 8 lock=2"])
    answer = decide(operations, MUTEX)
    assert answer is not None
    assert operations.lock[list(answer.witness)].tolist() == [2, 2]


def test_fencing_tokens_are_judged_where_they_are_given() -> None:
    spec = Spec(fenced=True, refusals="exact")
    operations, _ = written(["p1 A 1 2", "p1 R 3 4", "p2 C 5", "p2 R 6 9", "p3 A 10 11"])
    assert decide(operations, spec) is None
    assert decide(operations, spec, tokens=[7, None, None, None, 9]) is None
    answer = decide(operations, spec, tokens=[7, None, None, None, 8])
    assert answer is not None, "the lost grant in between had a token of its own"
    assert decide(operations, spec, tokens=[7, None, None, None, 7]) is not None


def test_clients_that_never_give_back_are_one() -> None:
    """26 crashed acquires that nobody can tell apart: Porcupine needs 31 s for such a history."""
    operations, _ = written([f"c{k} C {k}" for k in range(26)] + ["p1 A 30 31", "p2 A 40 41"])
    ops = without_idle_owners(lock_ops(operations, MUTEX), reentrant=False)
    assert {op.action.client for op in ops} == {LOST}
    answer = decide(operations, MUTEX, Budget(configurations=200))
    assert answer is not None
    assert answer.valid is False
    assert len(answer.witness) == 2


def test_without_owners_nobody_is_told_apart() -> None:
    """So 20 lost releases are as good as one that is counted."""
    spec = Spec(owners="anonymous", permits=2, refusals="exact")
    texts = [f"d{k} D {k}" for k in range(20)] + [f"a{k} A {100 + 10 * k} {105 + 10 * k}" for k in range(22)]
    operations, _ = written(texts)
    assert decide(operations, spec, Budget(configurations=500)) is None
    operations, _ = written([*texts, "last A 900 901"])
    answer = decide(operations, spec, Budget(configurations=500))
    assert answer is not None
    assert answer.valid is False


def test_who_may_come_back_is_told_apart() -> None:
    operations, _ = written(["p1 C 1", "p1 N 4 5", "p2 C 2", "p2 A 7 8", "p3 C 3"])
    clients = operations.client.tolist()
    mutex_ops = without_idle_owners(lock_ops(operations, MUTEX), reentrant=False)
    assert [op.action.client == LOST for op in mutex_ops] == [client != clients[0] for client in clients]
    reentrant_ops = without_idle_owners(lock_ops(operations, MUTEX), reentrant=True)
    assert [op.action.client for op in reentrant_ops].count(LOST) == 1


def hopeless(clients: int) -> Operations:
    """Acquires and releases of unknown effect by clients that can all be told apart, refusals that need some of them,
    and a violation at the end."""
    texts = [f"c{k} C {k}" for k in range(clients)] + [f"c{k} D {100 + k}" for k in range(clients)]
    texts += [f"f{k} F {1000 + 20 * k} {1009 + 20 * k}" for k in range(clients)]
    texts += [f"g{k} A {1010 + 20 * k} {1012 + 20 * k}" for k in range(clients)]
    texts += [f"g{k} R {1013 + 20 * k} {1015 + 20 * k}" for k in range(clients)]
    return written([*texts, "p1 A 9000 9001", "p2 A 9010 9011"])[0]


def test_out_of_budget_it_is_undecided_and_shows_the_cluster() -> None:
    operations = hopeless(16)
    answer = decide(operations, MUTEX, Budget(configurations=2_000))
    assert answer is not None
    assert (answer.valid, answer.kind) == (None, "undecided")
    assert "2000 configurations" in answer.why
    assert len(answer.witness) >= 32, "the lost acquires and releases are all still pending"
    assert decide(hopeless(3), MUTEX, Budget(configurations=2_000)) is not None


def test_all_clusters_of_a_history_share_the_seconds() -> None:
    fine, _ = written(["p1 A 1 2", "p1 R 3 4"])
    search = fallback(MUTEX, altogether=60)
    assert search(fine) is None
    search = fallback(MUTEX, altogether=0)
    answer = search(fine)
    assert answer is not None
    assert (answer.valid, answer.kind) == (None, "undecided")
