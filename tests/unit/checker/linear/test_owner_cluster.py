"""What is left to a general search is small, and enough: put among many holds, it is judged as it is alone."""

from __future__ import annotations

from random import Random

from checker.linear.operations import Answer
from checker.linear.owner_mutex import owner_mutex
from tests.unit.checker.lock_histories import (
    HISTORIES,
    Call,
    History,
    Searched,
    as_ops,
    compare,
    owner_history,
    timed,
    together,
)
from tests.unit.checker.referee import linearizable

LONG = 30
"""Longer than a drawn history lasts (ns)."""

COMPETING = ("CR", "CR", "")

decide = Searched()


def moved(history: History, by: int, client: int) -> History:
    """Later, by other clients."""
    return [call._replace(client=call.client + client, inv=call.inv + by,
                          ret=call.ret + (by if call.letter not in "CD" else 0)) for call in history]  # fmt: skip


def holds(count: int, start: int) -> History:
    """One after the other by two clients, of 2 ns each."""
    return [call for i in range(count) for call in timed(100 + i % 2, "AR", [start + 4 * i + k for k in range(4)])]


def test_a_cluster_among_many_holds_is_judged_as_alone() -> None:
    """Only the holds next to it are searched with it."""
    search = Searched()
    histories = [owner_history(Random(seed), COMPETING, ("AR", "F", "F")) for seed in range(HISTORIES // 2)]
    answers = owner_mutex(
        together([holds(5, 1) + moved(history, LONG, 0) + holds(5, 2 * LONG) for history in histories]), search
    )
    for lock, history in enumerate(histories):
        assert (lock not in answers) is linearizable(as_ops(history)), (history, answers.get(lock))
    assert search.rejected > HISTORIES // 2000, search.rejected
    assert max(search.sizes) <= 14


def test_two_clusters_are_searched_one_by_one() -> None:
    search = Searched()
    rows = [
        (owner_history(Random(seed), COMPETING, ("AR", "F", "F")), owner_history(Random(-seed), COMPETING, ("AR", "F")))
        for seed in range(1, HISTORIES // 2)
    ]
    both = [first + holds(1, LONG) + moved(second, LONG + 5, 50) for first, second in rows]
    answers = owner_mutex(together(both), search)
    for lock, (first, second) in enumerate(rows):
        alone = linearizable(as_ops(first)) and linearizable(as_ops(second))
        assert (lock not in answers) is alone, (first, second, answers.get(lock))
    assert max(search.sizes) <= 14


def test_larger_clusters() -> None:
    """More clients than elsewhere, and holds that may have been released."""
    histories = []
    for seed in range(HISTORIES // 5):
        random = Random(seed)
        history: History = []
        for client in range(random.randint(4, 7)):
            letters = random.choice(("F", "FF", "AR", "", "")) + random.choice(
                ("CR", "CR", "CD", "CDR", "ADN", "C", "")
            )
            history += timed(client, letters, sorted(random.sample(range(1, 30), 2 * len(letters))))
        histories.append(history[:14])
    search = Searched()
    kinds = compare(histories, lambda operations: owner_mutex(operations, search))
    assert search.rejected > HISTORIES // 500
    assert min(kinds["valid"], kinds["refused-while-free"]) > HISTORIES // 50, kinds


def test_a_stuck_cluster_gets_the_holds_that_other_gaps_leave_over() -> None:
    """Two lost acquires compete at first, in vain; a third that perhaps was released can fill the gap, unless another
    gap needs it."""
    stuck = [
        *timed(0, "C", (4, 5)), *timed(1, "C", (4, 5)), Call(0, "R", 9, 10), Call(1, "R", 9, 11),
        *timed(2, "FF", (2, 3, 5, 6)), *timed(3, "AR", (20, 21, 22, 23)),
    ]  # fmt: skip
    spare = timed(4, "CD", (1, 1, 2, 2))
    gap = [*timed(2, "F", (30, 31)), *timed(3, "AR", (40, 41, 42, 43))]
    histories = [stuck, stuck + spare, stuck + spare + gap, stuck + spare + gap + timed(5, "CD", (1, 1, 2, 2))]
    assert [linearizable(as_ops(history)) for history in histories] == [False, True, False, True]
    assert sorted(owner_mutex(together(histories), decide)) == [0, 2]


def test_a_hold_that_reaches_into_a_loose_cluster_belongs_to_it() -> None:
    """The last client goes on after a lost acquire, so its second one is searched. Only the lost acquire released at
    [3, 32] can explain the refusal, although it has room before the first hold as well."""
    history = [
        *timed(0, "AR", (2, 4, 6, 20)), *timed(1, "AR", (10, 80, 82, 84)), *timed(2, "F", (24, 28)),
        *timed(3, "CR", (1, 1, 3, 32)), *timed(4, "CAR", (19, 19, 40, 42, 44, 46)),
    ]  # fmt: skip
    without = [call for call in history if call.client != 3]
    assert [linearizable(as_ops(one)) for one in (history, without)] == [True, False]
    assert sorted(owner_mutex(together([history, without]), decide)) == [1]


def test_a_search_that_gives_up_leaves_the_lock_undecided() -> None:
    operations = together(
        [
            [
                *timed(0, "C", (1, 1)),
                *timed(1, "C", (1, 1)),
                *timed(2, "FF", (3, 4, 5, 6)),
                Call(0, "R", 7, 8),
                Call(1, "R", 9, 10),
            ]
        ]
    )
    tired = Answer(None, "undecided", "too many", (0,))
    assert owner_mutex(operations, lambda _: tired) == {0: tired}
    assert owner_mutex(operations, decide) == {}
