"""The operations of one object, laid out for the search: numbered actions, events in order, places in a bit set."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from checker.linear.operations import NEVER
from checker.search.ghosts import count
from checker.search.models import Action, Model, State

FEW = 500
"""Of no more actions it is found out once which are legal in a state, as few are; of more, only of those pending."""


class Op(NamedTuple):
    """An operation in [``inv``, ``ret``] (ns). With ``ret`` = NEVER it is a *ghost*: nobody knows whether it took
    effect, and it may do so at any time from ``inv`` on."""

    action: Action
    inv: int
    ret: int = NEVER

    @property
    def ghost(self) -> bool:
        """Whether its effect is unknown."""
        return self.ret >= NEVER


class Timeline:
    """``ops`` as given; all else by number of the operation, or of its action.

    ``slots``: the operation's bit; pending operations have different ones. ``events``: (operation, whether it returns)
    in order of time; at equal times calls come before returns. ``counters`` and ``guards``: of the actions that
    ghosts have, see :mod:`checker.search.ghosts`. Ghosts that change nothing are left out.
    """

    def __init__(self, model: Model, ops: Sequence[Op]) -> None:
        self.ops = ops
        numbers: dict[Action, int] = {}
        self.action = [numbers.setdefault(op.action, len(numbers)) for op in ops]
        self.actions = list(numbers)
        self.pure = [model.pure(action) for action in self.actions]
        self.ghosts = [op.ghost for op in ops]
        kept = [i for i in range(len(ops)) if not (self.ghosts[i] and self.pure[self.action[i]])]
        times = [(ops[i].inv, False, i) for i in kept] + [(ops[i].ret, True, i) for i in kept if not self.ghosts[i]]
        self.events = [(i, returns) for _, returns, i in sorted(times)]
        self.slots = self._slots()
        self.counters, self.guards = count(
            [self.action[i] for i in kept if self.ghosts[i]],
            lambda strong, weak: model.covers(self.actions[strong], self.actions[weak]),
        )

    def _slots(self) -> list[int]:
        """The lowest bit that is free when the operation is called; 0 for ghosts."""
        slots = [0] * len(self.ops)
        free: list[int] = []
        width = 0
        for i, returns in self.events:
            if self.ghosts[i]:
                continue
            if returns:
                heappush(free, slots[i])
            elif free:
                slots[i] = heappop(free)
            else:
                slots[i] = 1 << width
                width += 1
        return slots


class Steps:
    """The model's steps, remembered; states are numbered as they are met."""

    def __init__(self, model: Model, actions: Sequence[Action]) -> None:
        self.model = model
        self.actions = actions
        self.states: list[State] = []
        self._numbers: dict[State, int] = {}
        self._after: list[dict[int, int]] = []
        self._legal: dict[int, dict[int, int]] = {}

    def number(self, state: State) -> int:
        """The number of a state."""
        found = self._numbers.setdefault(state, len(self.states))
        if found == len(self.states):
            self.states.append(state)
            self._after.append({})
        return found

    def after(self, state: int, action: int) -> int:
        """The number of the state after an action, −1 where it is not legal."""
        known = self._after[state].get(action)
        if known is None:
            after = self.model.step(self.states[state], self.actions[action])
            known = self._after[state][action] = -1 if after is None else self.number(after)
        return known

    def legal(self, state: int, pending: Pending) -> dict[int, int]:
        """The pending actions that are legal and not pure, and the states after them."""
        if len(self.actions) > FEW:
            after = {action: self.after(state, action) for action in {**pending.certain, **pending.ghosts}}
            return {action: then for action, then in after.items() if then >= 0}
        known = self._legal.get(state)
        if known is None:
            known = {
                action: then
                for action, name in enumerate(self.actions)
                if not self.model.pure(name) and (then := self.after(state, action)) >= 0
            }
            self._legal[state] = known
        return {action: known[action] for action in known if action in pending.certain or action in pending.ghosts}

    def gains(self, before: int, after: int) -> bool:
        """See :meth:`Model.gains`."""
        return before != after and self.model.gains(self.states[before], self.states[after])

    def covers(self, strong: int, weak: int) -> bool:
        """See :meth:`Model.covers`."""
        return self.model.covers(self.actions[strong], self.actions[weak])


class Pending:
    """What is pending at one moment, by action: ``certain``, the soonest to return first; ``pure`` likewise (operation,
    bit); ``ghosts`` called so far, the first called first."""

    def __init__(self, line: Timeline) -> None:
        self.line = line
        self.certain: dict[int, list[int]] = {}
        self.pure: dict[int, list[int]] = {}
        self.ghosts: dict[int, list[int]] = {}

    def call(self, i: int) -> None:
        """An operation begins to be pending."""
        action = self.line.action[i]
        if self.line.ghosts[i]:
            self.ghosts.setdefault(action, []).append(i)
            return
        group = (self.pure if self.line.pure[action] else self.certain).setdefault(action, [])
        group.append(i)
        group.sort(key=lambda i: (self.line.ops[i].ret, i))

    def close(self, i: int) -> None:
        """An operation that is certain has returned."""
        action = self.line.action[i]
        groups = self.pure if self.line.pure[action] else self.certain
        groups[action].remove(i)
        if not groups[action]:
            del groups[action]

    def all(self) -> list[int]:
        """Every pending operation, ghosts too, in order of calling."""
        groups = (*self.certain.values(), *self.pure.values(), *self.ghosts.values())
        return sorted((i for group in groups for i in group), key=lambda i: (self.line.ops[i].inv, i))
