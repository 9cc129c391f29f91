"""What each client's own operations tell about its holds of an owner mutex that never lapses.

A client's operations come one after another: complete holds, refusals anywhere, and at the end perhaps one result of
unknown effect, after which it releases once more and retires (the rule that keeps histories exact, CHECKERS §4).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from checker.calls import NEVER
from checker.linear.operations import Answer, Operation


@dataclass(frozen=True, slots=True)
class Core:
    """A hold that certainly was: granted in [granted, start], released in [end, released]; certainly held between
    ``start`` and ``end`` (ns, NEVER: it was not released)."""

    client: str
    granted: int
    start: int
    end: int
    released: int
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Flexible:
    """A hold by an acquire of unknown effect that its client released: certainly (``release``), or perhaps (None)."""

    client: str
    acquire: Operation
    release: Operation | None
    latest: int


@dataclass
class Told:
    """``ghosts``: acquires that, if they took effect, hold to the end. ``wrong``: a violation one client shows alone.
    ``undecided``: a client acted in a way that needs a general search."""

    cores: list[Core] = field(default_factory=list)
    flexible: list[Flexible] = field(default_factory=list)
    ghosts: list[Operation] = field(default_factory=list)
    wrong: Answer | None = None
    undecided: Answer | None = None


def read_clients(operations: Iterable[Operation]) -> Told:
    """Read the holds of all clients; ``operations`` in order of ``inv``."""
    told = Told()
    by_client: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.letter != "F":
            by_client[operation.client].append(operation)
    for own in by_client.values():
        _read(own, told)
    return told


def _read(own: Sequence[Operation], told: Told) -> None:
    held: Operation | None = None
    for at, operation in enumerate(own):
        rest = own[at + 1 :]
        match operation.letter:
            case "A" if held is not None:
                told.wrong = _wrong("double-grant", f"{operation.client} was granted it twice", held, operation)
                return
            case "A":
                held = operation
            case "R" if held is not None:
                told.cores.append(_core(held, operation.inv, operation.ret, operation))
                held = None
            case "R":
                told.wrong = _wrong("release-not-held", f"{operation.client} released what it did not hold", operation)
                return
            case "N" if held is not None:
                told.wrong = _wrong("lost-lock", f"{operation.client} was told that what it held is not held", held,
                                    operation)  # fmt: skip
                return
            case "C":
                _lost_acquire(operation, rest, told, held)
                return
            case "D":
                _lost_release(held, operation, rest, told)
                return
            case _:
                pass
    if held is not None:
        told.cores.append(_core(held, NEVER, NEVER))


def _core(acquire: Operation, end: int, released: int, *releases: Operation) -> Core:
    return Core(acquire.client, acquire.inv, acquire.ret, end, released, (acquire, *releases))


def _lost_acquire(acquire: Operation, rest: Sequence[Operation], told: Told, held: Operation | None) -> None:
    """C, then perhaps one release."""
    letters = "".join(operation.letter for operation in rest)
    if held is not None or letters not in {"", "R", "N", "D"}:
        told.undecided = _undecided(acquire, rest)
    elif letters == "R":
        told.flexible.append(Flexible(acquire.client, acquire, rest[0], rest[0].ret))
    elif letters == "D":
        told.flexible.append(Flexible(acquire.client, acquire, None, NEVER))
        told.ghosts.append(acquire)
    else:
        # Refused as not held: if the acquire takes effect at all, then later than that refusal was called.
        told.ghosts.append(rest[0] if rest else acquire)


def _lost_release(held: Operation | None, release: Operation, rest: Sequence[Operation], told: Told) -> None:
    """D, then perhaps one more release."""
    letters = "".join(operation.letter for operation in rest)
    if held is None:
        if rest:
            told.undecided = _undecided(release, rest)
    elif letters in {"", "D"}:
        told.cores.append(_core(held, release.inv, NEVER, release))
    elif letters == "N":
        told.cores.append(_core(held, release.inv, rest[0].ret, release))
    elif letters == "R":
        # The repetition freed it, so the first release had not taken effect before that.
        told.cores.append(_core(held, rest[0].inv, rest[0].ret, rest[0]))
    else:
        told.cores.append(_core(held, release.inv, NEVER, release))
        told.undecided = _undecided(release, rest)


def _wrong(kind: str, why: str, *operations: Operation) -> Answer:
    return Answer(False, kind, why, operations)


def _undecided(lost: Operation, rest: Sequence[Operation]) -> Answer:
    why = f"{lost.client} went on after a result of unknown effect; that needs a general search"
    return Answer(None, "undecided", why, (lost, *rest[:3]))
