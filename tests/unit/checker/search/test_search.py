"""The search agrees with the referee on every model, and shows why: orders that replay, witnesses that are rejected."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from checker.linear.operations import NEVER
from checker.search import search as searching
from checker.search import witness as shrinking_down
from checker.search.models import Action, Model, State
from checker.search.search import Outcome, search
from checker.search.stores import Register
from checker.search.timeline import Op
from checker.search.values import Do
from checker.search.witness import between, shrink
from tests.unit.checker.search.judging_models import (
    SUBJECTS,
    Subject,
    explains,
    history,
    linearizable,
)

SEARCHED = int(os.environ.get("LOCKQUAKE_REFEREE_HISTORIES", "10000"))
"""Random histories per model, 0.4 ms each; ``make soak`` sets it to tens of thousands."""

shrinking = settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip
"""Hypothesis adds fewer examples, but shrinks what it finds."""

every_model = pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS.keys())


def compare(subject: Subject, seeds: range, witnesses: int = 4) -> Counter[bool | None]:
    """Compare with the referee; orders are checked too, and one in so many witnesses."""
    answers: Counter[bool | None] = Counter()
    for seed in seeds:
        ops = history(subject, Random(seed))
        outcome = search(subject.model(), ops)
        assert outcome.valid is linearizable(subject.model(), ops), (seed, ops, outcome)
        answers[outcome.valid] += 1
        if outcome.valid or seed % witnesses == 0:
            check_explanation(subject, ops, outcome)
    return answers


def check_explanation(subject: Subject, ops: list[Op], outcome: Outcome) -> None:
    model = subject.model()
    if outcome.valid:
        assert explains(model, ops, outcome.order), (ops, outcome)
        return
    found = shrink(model, ops, outcome)
    assert found.stuck in found.operations
    assert not linearizable(model, found.ops, found.starts), (ops, found)


@every_model
def test_it_agrees_with_the_referee(subject: Subject) -> None:
    answers = compare(subject, range(SEARCHED))
    assert set(answers) == {True, False}, answers
    assert answers[False] > SEARCHED // 30, answers


def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave configurations out as soon as there are more than two, and never keep many more than needed."""
    monkeypatch.setattr(searching, "NARROW", 2)
    monkeypatch.setattr(searching, "WIDER", 2)
    monkeypatch.setattr(searching, "_REACH", 1)


@every_model
def test_it_agrees_when_it_leaves_configurations_out_and_comes_back(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow(monkeypatch)
    compare(subject, range(SEARCHED, SEARCHED + SEARCHED // 4))


@every_model
def test_it_agrees_where_witnesses_begin_at_a_later_moment(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking_down, "FEW", 1)
    compare(subject, range(2 * SEARCHED, 2 * SEARCHED + SEARCHED // 4), witnesses=1)


class Doomed:
    """A model with one more action, which is never legal."""

    NEVER_LEGAL = "never legal"

    def __init__(self, model: Model) -> None:
        self.model = model
        self.initial = model.initial
        self.foresees = model.foresees

    def step(self, state: State, action: Action) -> State | None:
        return None if action == self.NEVER_LEGAL else self.model.step(state, action)

    def pure(self, action: Action) -> bool:
        return action != self.NEVER_LEGAL and self.model.pure(action)

    def gains(self, before: State, after: State) -> bool:
        return self.model.gains(before, after)

    def covers(self, strong: Action, weak: Action) -> bool:
        return self.model.covers(strong, weak)

    def among(self, starts: Sequence[State], done: Sequence[tuple[Action, bool]]) -> Doomed:
        return Doomed(self.model.among(starts, [one for one in done if one[0] != self.NEVER_LEGAL]))

    def droppable(self, actions: Sequence[Action]) -> Iterator[tuple[int, ...]]:
        yield from ()


@every_model
@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_what_comes_after_a_cut_fits_one_of_its_states(
    subject: Subject, width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cut's states, and the ghosts not used up, are all that matters of what was before."""
    if width == "narrow":
        narrow(monkeypatch)
        monkeypatch.setattr(searching, "NARROW", 1)
    cuts = 0
    for seed in range(SEARCHED // 10):
        ops = history(subject, Random(seed))
        if linearizable(subject.model(), ops):
            end = max((op.inv if op.ghost else op.ret for op in ops), default=0)
            outcome = search(Doomed(subject.model()), [*ops, Op(Doomed.NEVER_LEGAL, end + 1, end + 2)])
            assert (outcome.valid, outcome.stuck) == (False, len(ops))
            for cut in outcome.cuts:
                rest = between([*ops, Op(None, end + 1, end + 2)], len(ops), cut)
                del rest[len(ops)]
                assert linearizable(subject.model(), list(rest.values()), cut.states), (seed, ops, cut)
                cuts += 1
    assert cuts > SEARCHED // 20


@every_model
def test_what_may_be_dropped_leaves_an_order_legal(subject: Subject) -> None:
    """So a witness shows that the whole history is not linearizable, too."""
    dropped = 0
    for seed in range(SEARCHED // 10):
        ops = history(subject, Random(seed))
        if linearizable(subject.model(), ops):
            for group in subject.model().droppable([op.action for op in ops]):
                rest = [op for i, op in enumerate(ops) if i not in group]
                assert linearizable(subject.model(), rest), (seed, ops, group)
                dropped += 1
    assert dropped > 20


def test_narrow_searches_leave_something_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the comparisons with narrow searches would compare nothing new."""
    narrow(monkeypatch)
    back = []
    monkeypatch.setattr(
        searching._Search, "_back", lambda self, old=searching._Search._back: back.append(1) or old(self)
    )
    compare(SUBJECTS["register"], range(200))
    assert len(back) > 20


@st.composite
def drawn(draw: st.DrawFn, subject: Subject) -> list[Op]:
    """Any actions at any times, so that a disagreement shrinks."""
    found = []
    for _ in range(draw(st.integers(1, 6))):
        inv = draw(st.integers(0, 8))
        ret = draw(st.one_of(st.just(NEVER), st.integers(inv, inv + 4)))
        found.append(Op(subject.draw(Random(draw(st.integers(0, 40)))), inv, ret))
    return found


@every_model
def test_a_disagreement_would_shrink(subject: Subject) -> None:
    @shrinking
    @given(drawn(subject))
    def agrees(ops: list[Op]) -> None:
        outcome = search(subject.model(), ops)
        event(f"valid: {outcome.valid}")
        assert outcome.valid is linearizable(subject.model(), ops), outcome
        check_explanation(subject, ops, outcome)

    agrees()


def test_at_equal_times_calls_come_before_returns() -> None:
    write, read = Op(Do("write", "1"), 0, 5), Op(Do("read", "null"), 5, 9)
    assert search(Register(), [write, read]).valid
    assert not search(Register(), [write._replace(ret=4), read]).valid


def test_a_ghost_may_take_effect_long_after_it_was_called_and_not_before() -> None:
    write, read = Op(Do("write", "1"), 3), Op(Do("read", "1"), 8, 9)
    assert search(Register(), [write, read]).order == (0, 1)
    assert not search(Register(), [write, read._replace(inv=1, ret=2)]).valid


def test_a_ghost_takes_effect_once() -> None:
    ops = [Op(Do("write", "1"), 0), Op(Do("read", "1"), 1, 2), Op(Do("write", "2"), 3, 4), Op(Do("read", "1"), 5, 6)]
    assert search(Register(), ops).valid is False
    assert search(Register(), [*ops, Op(Do("write", "1"), 2)]).valid


def test_a_stronger_ghost_is_kept_for_what_the_weaker_cannot_do() -> None:
    """The first 2 comes of the compare-and-set, which could not make the second."""
    ops = [
        Op(Do("write", "2"), 0),
        Op(Do("cas", "2", "1"), 0),
        Op(Do("write", "1"), 10, 11),
        Op(Do("read", "2"), 12, 13),
        Op(Do("write", "3"), 14, 15),
        Op(Do("read", "2"), 16, 17),
    ]
    assert search(Register(), ops).order == (2, 1, 3, 4, 0, 5)
    assert search(Register(), ops[1:]).valid is False


def test_a_stronger_ghost_is_used_once_the_weaker_are_used_up() -> None:
    """Either could have made either 2; both are needed."""
    ops = [
        Op(Do("write", "2"), 0),
        Op(Do("cas", "2", "1"), 0),
        Op(Do("write", "1"), 10, 11),
        Op(Do("read", "2"), 12, 13),
        Op(Do("write", "1"), 14, 15),
        Op(Do("read", "2"), 16, 17),
    ]
    assert search(Register(), ops).order == (2, 1, 3, 4, 0, 5)


def test_what_a_list_begins_with_may_have_been_appended_before() -> None:
    """Else the 2 would have its place before the one that was there already."""
    ops = [Op(Do("append", "2,"), 0, 1), Op(Do("read", "[1,2,2,"), 2, 3)]
    assert search(Register("[1,2,"), ops).valid
    assert search(Register(), ops, starts=["[1,", "[1,2,"]).valid


def test_nothing_to_order_is_valid() -> None:
    assert search(Register(), []).valid
    assert search(Register(), [Op(Do("read", "7"), 0)]).order == ()


def test_it_begins_somewhere() -> None:
    assert search(Register(), [Op(Do("read", "2"), 0, 1)], starts=iter(["1", "2"])).valid
    assert search(Register(), [Op(Do("read", "3"), 0, 1)], starts=iter(["1", "2"])).states == ("1", "2")
    with pytest.raises(ValueError, match="no state to begin in"):
        search(Register(), [], starts=[])


def test_what_was_stuck_is_told() -> None:
    """The operation that cannot be placed, what was pending, and the values possible then, as Knossos does."""
    ops = [
        Op(Do("write", "1"), 0, 1),
        Op(Do("write", "2"), 2, 9),
        Op(Do("write", "5"), 3),
        Op(Do("read", "3"), 4, 5),
        Op(Do("read", "5"), 6, 7),
    ]
    outcome = search(Register(), ops)
    assert (outcome.valid, outcome.stuck, outcome.order) == (False, 3, (0,))
    assert set(outcome.states) == {"unseen", "5"}
    assert outcome.pending == (1, 2, 3)


def test_a_witness_keeps_only_what_matters() -> None:
    """A stale read among many others: the write it read, the one in between, and the read."""
    ops = [Op(Do("write", str(k)), 10 * k, 10 * k + 5) for k in range(20)]
    ops += [Op(Do("read", str(k)), 10 * k + 6, 10 * k + 7) for k in range(20)]
    ops.append(Op(Do("read", "17"), 198, 199))
    outcome = search(Register(), ops)
    assert outcome.valid is False
    found = shrink(Register(), ops, outcome)
    assert (len(found.operations), found.stuck, found.starts) == (3, 40, None)
    assert {17, 40} < set(found.operations)


def test_only_what_is_not_linearizable_has_a_witness() -> None:
    with pytest.raises(ValueError, match="not linearizable"):
        shrink(Register(), [], search(Register(), []))
