"""Histories of registers and key-value stores, recorded elsewhere: is each object linearizable?

How outcomes are read, as Jepsen means them: ``ok`` took effect and returned what it says; ``fail`` certainly had no
effect and is left out, a ``cas`` too (unless ``failed_cas`` says that it failed because the value was not the old one);
``info``, and a call that never came back, may have taken effect at any time after it was called, or never.

Objects are judged apart: linearizability is local (M. Herlihy, J. Wing, 1990). Keys that one transaction touches
together are one object.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from checker.linear.operations import NEVER
from checker.search.actions import Part, denied, parts, said, single
from checker.search.budget import Budget
from checker.search.models import Model, State
from checker.search.search import Outcome, search
from checker.search.stores import MultiRegister, Register
from checker.search.timeline import Op
from checker.search.values import Do, as_text, shown
from checker.search.witness import Witness, shrink
from histories.columns import Call, Calls
from histories.spec import Spec

_SHOWN = 8
_LONG = 80

FailedCas = Literal["dropped", "judged"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One object of a history. ``keys``: of several registers, those that belong together; else empty.

    ``calls``: those that were judged; ``outcome`` and ``witness`` (where invalid) number them. ``order``: where valid,
    the calls that took effect, in an order that explains them. ``why``: one sentence, empty where valid.
    """

    name: str
    keys: tuple[str, ...]
    calls: tuple[Call, ...]
    outcome: Outcome
    witness: Witness | None
    why: str

    @property
    def valid(self) -> bool | None:
        """None: undecided."""
        return self.outcome.valid

    @property
    def order(self) -> tuple[Call, ...]:
        """See the class; where not valid, a longest order up to where it failed."""
        return tuple(self.calls[i] for i in self.outcome.order)


def judge_calls(
    calls: Sequence[Call] | Calls, spec: Spec, budget: Budget | None = None, *, failed_cas: FailedCas = "dropped"
) -> list[Judged]:
    """Judge each object (``lock``) of a history; ``spec`` says the model and the initial value of every object.

    ``initial`` of several registers is a map of key to value (keys that are not in it begin as null), or what each
    begins as. The budget is for each object. Raises ValueError for a spec of locks, and for a value that does not fit
    its operation.
    """
    if spec.model == "lock":
        raise ValueError("the history is of locks, not of a store: the spec says model = lock")
    objects: dict[str, list[Call]] = {}
    for call in _each(calls):
        objects.setdefault(call.lock, []).append(call)
    found: list[Judged] = []
    for name, own in objects.items():
        if spec.model == "multi-register" or any(call.op == "txn" for call in own):
            found += _several(name, own, spec, budget)
        else:
            found += _one(name, own, spec, budget, failed_cas)
    return found


def _each(calls: Sequence[Call] | Calls) -> Iterable[Call]:
    return (calls.call(row) for row in range(len(calls))) if isinstance(calls, Calls) else calls


def _one(name: str, calls: Sequence[Call], spec: Spec, budget: Budget | None, failed_cas: FailedCas) -> list[Judged]:
    """A register, or one key of a key-value store."""
    done: list[tuple[Call, Do]] = []
    for call in calls:
        if call.outcome != "fail":
            done.append((call, single(call)))
        elif call.op == "cas" and failed_cas == "judged":
            done.append((call, denied(call)))
    ops = [Op(action, call.inv, _ret(call)) for call, action in done]
    model = Register(as_text(spec.initial), lists=any(action.verb == "append" for _, action in done))
    return [_judged(name, (), [call for call, _ in done], model, ops, budget)]


def _several(name: str, calls: Sequence[Call], spec: Spec, budget: Budget | None) -> list[Judged]:
    """Several registers; those that no transaction touches together are judged apart."""
    done = [(call, found) for call in calls if call.outcome != "fail" and (found := parts(call))]
    groups = together(part for _, part in done)
    place = {key: (group, number) for group, keys in enumerate(groups) for number, key in enumerate(keys)}
    own: list[list[tuple[Call, list[Part]]]] = [[] for _ in groups]
    for call, part in done:
        own[place[part[0][0]][0]].append((call, part))
    lists = {key for _, part in done for key, what in part if what.verb == "append"}
    judged: list[Judged] = []
    for keys, members in zip(groups, own, strict=True):
        cells = [Register(as_text(_initial(spec, key)), lists=key in lists) for key in keys]
        ops = [
            Op(tuple((place[key][1], what) for key, what in part), call.inv, _ret(call)) for call, part in members
        ]  # fmt: skip
        judged.append(_judged(name, keys, [call for call, _ in members], MultiRegister(cells), ops, budget))
    return judged


def _initial(spec: Spec, key: str) -> Any:
    return spec.initial.get(key) if isinstance(spec.initial, dict) else spec.initial


def together(transactions: Iterable[Sequence[Part]]) -> list[tuple[str, ...]]:
    """The keys, those together that some transaction touches together, directly or by way of others."""
    groups: dict[str, list[str]] = {}
    for transaction in transactions:
        first = groups.setdefault(transaction[0][0], [transaction[0][0]])
        for key, _ in transaction[1:]:
            other = groups.setdefault(key, [key])
            if other is not first:
                first += other
                groups.update(dict.fromkeys(other, first))
    return [tuple(keys) for keys in {id(keys): keys for keys in groups.values()}.values()]


def _ret(call: Call) -> int:
    return NEVER if call.doubtful else call.ret


def _judged(
    name: str, keys: tuple[str, ...], calls: list[Call], model: Model, ops: list[Op], budget: Budget | None
) -> Judged:
    outcome = search(model, ops, budget)
    witness = shrink(model, ops, outcome) if outcome.valid is False else None
    return Judged(name, keys, tuple(calls), outcome, witness, _why(outcome, witness, calls, model))


def _why(outcome: Outcome, witness: Witness | None, calls: Sequence[Call], model: Model) -> str:
    if outcome.stuck is None:
        return ""
    call = calls[outcome.stuck if witness is None else witness.stuck]
    which = f"call {call.number} of {call.client}"
    if witness is None:
        pending = len(outcome.pending)
        return f"no verdict: the search used up its budget ({outcome.spent}) at {which}, with {pending} calls pending"
    if not isinstance(model, Register):
        return f"{which} fits no state that was possible then"
    if witness.stuck != outcome.stuck:
        return f"{which} {_short(said(call))}, which no order of effects explains"
    why = f"{which} {_short(said(call))}, but only these values were possible then: {_values(outcome.states)}"
    return why if witness.starts is None else f"{why}; it is shown from when it was {_values(witness.starts, ' or ')}"


def _values(states: Sequence[State], between: str = ", ") -> str:
    values = [_short(shown(state)) for state in states[:_SHOWN]]
    return between.join([*values, "…"] if len(states) > _SHOWN else values)


def _short(text: str) -> str:
    return text if len(text) <= _LONG else text[: _LONG // 2] + " … " + text[-_LONG // 2 :]
