"""What an object allows, one operation after the other: sequential models of locks.

A model gives the state it begins in and says for a state and an action which state follows, or None where the action
is not legal there. Operations of unknown effect have the action of their success: without it nothing happened.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol, Self

State = Any
"""Hashable, small, never None. Equal states allow the same actions for ever after."""

Action = Any
"""Hashable. Operations with equal actions are interchangeable: only their times tell them apart."""

FREE = "free"
LOST = -1
"""Stands for every client that never gives anything back: who of them holds the lock makes no difference."""


class Model(Protocol):
    """A sequential model; see the module."""

    @property
    def initial(self) -> State:
        """The state at the beginning."""

    @property
    def foresees(self) -> bool:
        """Whether an action may be illegal only because of what others find later."""

    def step(self, state: State, action: Action) -> State | None:
        """The state after the action, None where it is not legal."""

    def pure(self, action: Action) -> bool:
        """Whether the action never changes the state (a read, a refusal): it can take effect as soon as it is legal."""

    def gains(self, before: State, after: State) -> bool:
        """Whether ``after`` may allow anything that ``before`` does not. False only where that is certain."""

    def covers(self, strong: Action, weak: Action) -> bool:
        """Whether ``strong`` can always do what ``weak`` can: wherever that is legal it is too, and leads to the same
        state. So of ghosts the weak one is used up first. Never both ways round."""

    def among(self, starts: Sequence[State], done: Sequence[tuple[Action, bool]]) -> Model:
        """A model that allows the same orders of just these actions, beginning in one of ``starts`` (states of either
        model), but tells apart as little as it can. Each action with whether it is a ghost's."""

    def droppable(self, actions: Sequence[Action]) -> Iterator[tuple[int, ...]]:
        """Places in ``actions`` that can be taken out of any legal order of them, which then is still legal.

        So operations whose remaining ones are not linearizable show that all of them are not.
        """


class Ask(NamedTuple):
    """What a client asked of a lock and was told. ``letter``: A granted, R released, F refused (busy), N not held.

    ``weight``: permits asked for or given back. ``shared``: to read (read-write locks). ``token``: fencing token.
    """

    letter: Literal["A", "R", "F", "N"]
    client: int
    weight: int = 1
    shared: bool = False
    token: int | None = None


class LockModel:
    """What all locks have in common."""

    initial: State = FREE
    owners = True
    foresees = False

    def pure(self, action: Ask) -> bool:
        """Refusals change nothing."""
        return action.letter in "FN"

    def gains(self, before: State, after: State) -> bool:
        """Any other state may be of use."""
        return bool(before != after)

    def covers(self, strong: Ask, weak: Ask) -> bool:
        """Not compared."""
        return False

    def among(self, starts: Sequence[State], done: Sequence[tuple[Ask, bool]]) -> Self:
        """All states matter."""
        return self

    def droppable(self, actions: Sequence[Ask]) -> Iterator[tuple[int, ...]]:
        """Refusals; where nobody was refused because others were in, all that one client did."""
        yield from ((i,) for i, action in enumerate(actions) if self.pure(action))
        if self.owners and not any(action.letter == "F" for action in actions):
            for client in dict.fromkeys(action.client for action in actions):
                own = tuple(i for i, action in enumerate(actions) if action.client == client)
                yield from ((i,) for i in own) if client == LOST else (own,)


class OwnerMutex(LockModel):
    """Held by one client at a time, which alone can release it. State: the holder, or FREE."""

    def step(self, state: Hashable, action: Ask) -> Hashable | None:
        """See :class:`Model`."""
        match action.letter:
            case "A":
                return action.client if state == FREE else None
            case "R":
                return FREE if state == action.client else None
            case "F":
                return None if state == FREE else state
            case _:
                return None if state == action.client else state


class Semaphore(LockModel):
    """``permits`` to give away, several at a time where asked for. State: the permits held, per client or (without
    owners: anybody may give back) in sum. A try is refused when less than it asked for is left."""

    def __init__(self, permits: int, owners: bool = True) -> None:
        self.permits = permits
        self.owners = owners
        self.initial = ()

    def step(self, state: tuple[tuple[int, int], ...], action: Ask) -> State | None:
        """See :class:`Model`."""
        client = action.client if self.owners else 0
        held = dict(state)
        fits = sum(held.values()) + action.weight <= self.permits
        owned = held.get(client, 0)
        match action.letter:
            case "A" if fits:
                held[client] = owned + action.weight
            case "R" if owned >= action.weight:
                held[client] = owned - action.weight
            case "F" if not fits:
                return state
            case "N" if owned < action.weight:
                return state
            case _:
                return None
        return tuple(sorted(item for item in held.items() if item[1]))


class AnonymousMutex(Semaphore):
    """Held or free; anybody may release it."""

    def __init__(self) -> None:
        super().__init__(1, owners=False)

    def step(self, state: tuple[tuple[int, int], ...], action: Ask) -> State | None:
        """See :class:`Model`. Weights do not count."""
        return super().step(state, action._replace(weight=1))


class ReentrantMutex(LockModel):
    """An owner mutex that its holder may take up to ``limit`` times. State: (holder, depth), or FREE."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def step(self, state: State, action: Ask) -> State | None:
        """See :class:`Model`. A try within the own hold is refused at the limit only."""
        holder, depth = (None, 0) if state == FREE else state
        own = holder == action.client != LOST
        may = holder is None or (own and depth < self.limit)
        match action.letter:
            case "A":
                return (action.client, depth + 1) if may else None
            case "R":
                return None if not own else (holder, depth - 1) if depth > 1 else FREE
            case "F":
                return None if may else state
            case _:
                return None if own else state


class FencedMutex(LockModel):
    """A mutex whose grants carry whole-numbered fencing tokens, each greater than all before. State: (what ``mutex``
    says, last token). A grant whose token is not known had one in between; a re-entry repeats the token."""

    def __init__(self, mutex: OwnerMutex | ReentrantMutex, before: int = -(1 << 63)) -> None:
        self.mutex = mutex
        self.initial = (mutex.initial, before)

    def step(self, state: tuple[State, int], action: Ask) -> State | None:
        """See :class:`Model`."""
        before, last = state
        after = self.mutex.step(before, action)
        if after is None or action.letter != "A":
            return None if after is None else (after, last)
        if before != FREE:
            return (after, last) if action.token in {None, last} else None
        # The least token it can have had allows most afterwards.
        token = last + 1 if action.token is None else action.token
        return (after, token) if token > last else None


class ReadWriteLock(LockModel):
    """Many readers or one writer. State: the readers in order (a client as often as it reads), or ``("w", writer)``.

    A ``fair`` one may refuse readers at any time, because a writer waits.
    """

    initial = ()

    def __init__(self, *, fair: bool = False) -> None:
        self.fair = fair

    def step(self, state: tuple[Any, ...], action: Ask) -> State | None:
        """See :class:`Model`. A read is refused while somebody writes, a write while anybody is in, the caller too."""
        writer = state[1] if state[:1] == ("w",) else None
        free = writer is None if action.shared else state == ()
        own = (writer is None and action.client in state) if action.shared else (writer == action.client)
        match action.letter:
            case "A" if free:
                return tuple(sorted((*state, action.client))) if action.shared else ("w", action.client)
            case "R" if own:
                if not action.shared:
                    return ()
                place = state.index(action.client)
                return state[:place] + state[place + 1 :]
            case "F" if not free or (self.fair and action.shared):
                return state
            case "N" if not own:
                return state
            case _:
                return None
