"""Small histories of every model, and what the referee says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from checker.linear.operations import NEVER
from checker.search.models import (
    AnonymousMutex,
    Ask,
    FencedMutex,
    Model,
    OwnerMutex,
    ReadWriteLock,
    ReentrantMutex,
    Semaphore,
    State,
)
from checker.search.stores import MultiRegister, Register
from checker.search.timeline import Op
from checker.search.values import Do
from tests.unit.checker import referee

NUMBERS = ("null", "1", "2", "3")
LISTS = ("null", "[", "[1,", "[1,2,", "[2,", "[3,1,", "[2,1,3,")
PIECES = ("1,", "2,", "3,", "4,")


def asks(random: Random) -> Ask:
    """What one of three clients asks of a lock."""
    return Ask(random.choice("AAARRRFN"), random.randrange(3), random.choice((1, 1, 2)), random.random() < 0.6)  # type: ignore[arg-type]


def fenced(random: Random) -> Ask:
    """Grants with fencing tokens, of which some are not known."""
    action = asks(random)
    return action._replace(token=random.choice((None, 1, 2, 3, 4))) if action.letter == "A" else action


def numbers(random: Random, verbs: Sequence[Any] = ("read", "write", "cas")) -> Do:
    """A register of whole numbers."""
    return Do(random.choice(verbs), random.choice(NUMBERS), random.choice(NUMBERS))


def lists(random: Random) -> Do:
    """A key that is mostly appended to."""
    verb = random.choice(("read", "read", "append", "append", "append", "write", "cas"))
    piece = random.choice(PIECES)
    return Do("append", piece) if verb == "append" else Do(verb, random.choice(LISTS), random.choice(LISTS))  # type: ignore[arg-type]


def transactions(random: Random, part: Callable[[Random], Do]) -> tuple[tuple[int, Do], ...]:
    """One or two things done to one or two registers at once."""
    return tuple((random.randrange(2), part(random)) for _ in range(random.choice((1, 1, 2))))


@dataclass(frozen=True)
class Subject:
    """A model, what is asked of it, and the share of operations whose effect is not known."""

    model: Callable[[], Model]
    draw: Callable[[Random], Any]
    ghosts: float = 0.2


SUBJECTS = {
    "owner mutex": Subject(OwnerMutex, asks),
    "anonymous mutex": Subject(AnonymousMutex, asks),
    "semaphore": Subject(partial(Semaphore, 3), asks),
    "anonymous semaphore": Subject(partial(Semaphore, 2, owners=False), asks),
    "reentrant mutex": Subject(partial(ReentrantMutex, 2), asks),
    "fenced mutex": Subject(lambda: FencedMutex(OwnerMutex(), 0), fenced),
    "fenced reentrant mutex": Subject(lambda: FencedMutex(ReentrantMutex(2), 0), fenced),
    "read-write lock": Subject(ReadWriteLock, asks),
    "register": Subject(Register, numbers),
    "register, mostly ghosts": Subject(Register, numbers, ghosts=0.6),
    "register, failed cas judged": Subject(
        Register, partial(numbers, verbs=("read", "write", "write", "cas", "cas", "not"))
    ),
    "key-value": Subject(partial(Register, lists=True), lists),
    "key-value, nothing is no list": Subject(Register, lists),
    "multi-register": Subject(lambda: MultiRegister([Register(), Register("1")]), partial(transactions, part=numbers)),
    "multi-register of lists": Subject(
        lambda: MultiRegister([Register(lists=True), Register()]), partial(transactions, part=lists)
    ),
}


def history(subject: Subject, random: Random, most: int = 6) -> list[Op]:
    """Mostly what some order of effects explains, and up to two operations more that nothing need explain."""
    model = subject.model()
    state, now, found = model.initial, 0, []
    for _ in range(random.randint(2, most)):
        for action in (subject.draw(random) for _ in range(8)):
            after = model.step(state, action)
            if after is not None:
                state, now = after, now + random.randint(0, 2)
                ret = NEVER if random.random() < subject.ghosts else now + random.randint(0, 4)
                found.append(Op(action, max(0, now - random.randint(0, 4)), ret))
                break
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        inv = random.randint(0, now + 1)
        found.append(Op(subject.draw(random), inv, NEVER if random.random() < 0.3 else inv + random.randint(0, 4)))
    random.shuffle(found)
    return found


def linearizable(model: Model, ops: Sequence[Op], starts: Iterable[State] | None = None) -> bool:
    """What the exhaustive search says, beginning in any of ``starts``."""
    letters = [referee.Op("C" if op.ghost else "A", i, op.inv, op.ret) for i, op in enumerate(ops)]

    def step(state: Any, op: referee.Op) -> Any:
        return model.step(state, ops[op.client].action)

    begin = [model.initial] if starts is None else starts
    return any(referee.linearizable(letters, step, start) for start in begin)


def explains(model: Model, ops: Sequence[Op], order: Sequence[int]) -> bool:
    """Whether the order is one of effects: legal, with all that is certain, respecting who returned before whom."""
    state, latest = model.initial, -1
    for i in order:
        after = model.step(state, ops[i].action)
        latest = max(latest, ops[i].inv)
        if after is None or ops[i].ret < latest:
            return False
        state = after
    certain = {i for i, op in enumerate(ops) if not op.ghost}
    return len(set(order)) == len(order) and certain <= set(order)
