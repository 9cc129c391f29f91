"""Which lock or register an operation is about.

Jepsen's independent keys make the value of every operation ``[key value]``. Nothing in the file says so; it is taken to
be so where every value fits: every lock operation was called with a vector of two; or every operation of registers was,
reads with ``[key nil]``, compare-and-sets with ``[key [old new]]``, transactions with ``[key [[:r …] …]]``. A lock may
also be named by the value alone, a keyword or string; owners are, too, so that needs every name to be used by several
processes. Whatever is taken to be so is said in a remark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from histories.edn import Edn, Keyword
from histories.jepsen.operation import Op, is_pair, text_of
from histories.jepsen.source import Source
from histories.jepsen.words import MICRO
from histories.vocabulary import LOCK_OPERATIONS, Operation

ONE_LOCK = "lock"
ONE_REGISTER = "register"


@dataclass(frozen=True, slots=True)
class Objects:
    """How operations name what they are about. ``store``: the name where register operations do not say."""

    keyed_locks: bool = False
    named_locks: bool = False
    keyed_store: bool = False
    store: str = ONE_REGISTER

    def name(self, operation: Operation, called: Edn) -> str:
        """The lock or register; ``called``: the value it was called with."""
        lock = operation in LOCK_OPERATIONS
        if self.keyed_locks if lock else self.keyed_store:
            return text_of(called[0])
        if lock:
            return text_of(called) if self.named_locks else ONE_LOCK
        return self.store

    def rest(self, operation: Operation, value: Edn) -> Edn:
        """The value without the key, or without the lock's name."""
        lock = operation in LOCK_OPERATIONS
        if (self.keyed_locks if lock else self.keyed_store) and is_pair(value):
            return value[1]
        return None if lock and self.named_locks and isinstance(value, str) else value


def find_objects(calls: Sequence[tuple[Operation, Op]], source: Source) -> Objects:
    """Look at all invocations of a history."""
    locks = [op for operation, op in calls if operation in LOCK_OPERATIONS]
    store = [(operation, op.value) for operation, op in calls if operation not in LOCK_OPERATIONS]
    keyed_locks = bool(locks) and all(is_pair(op.value) for op in locks)
    named_locks = bool(locks) and not keyed_locks and _names(locks)
    keyed_store = _keyed_store(store)
    if keyed_locks or keyed_store:
        what = "lock" if keyed_locks else "register"
        source.say(f"values are [key value] throughout; each key is taken to be a {what} of its own")
    if named_locks:
        source.say("the values of lock operations are taken to be the names of locks")
    return Objects(keyed_locks, named_locks, keyed_store, ONE_LOCK if locks else ONE_REGISTER)


def _names(locks: Sequence[Op]) -> bool:
    users: dict[str, set[int | str | None]] = defaultdict(set)
    for op in locks:
        if not isinstance(op.value, str):
            return False
        users[op.value].add(op.process)
    return all(len(processes) > 1 for processes in users.values())


def _keyed_store(calls: Sequence[tuple[Operation, Edn]]) -> bool:
    told = False
    for operation, value in calls:
        if not is_pair(value):
            return False
        inner = value[1]
        match operation:
            case "read":
                fits, tells = inner is None, True
            case "cas":
                fits, tells = is_pair(inner), True
            case "txn":
                fits, tells = is_transaction(inner) and not _is_micro(value[0]), True
            case _:
                fits, tells = True, False
        if not fits:
            return False
        told = told or tells
    return told


def is_transaction(value: Edn) -> bool:
    """Whether it is a list of micro-operations, ``[:r key value]`` each."""
    return isinstance(value, list | tuple) and all(_is_micro(part) for part in value)


def _is_micro(part: Edn) -> bool:
    return (
        isinstance(part, list | tuple)
        and len(part) in {2, 3}
        and isinstance(part[0], Keyword | str)
        and part[0].removeprefix(":") in MICRO
    )
