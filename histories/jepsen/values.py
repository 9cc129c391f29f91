"""The values of operations: what was asked, what was answered, and fencing tokens."""

from __future__ import annotations

from typing import Any

from histories.edn import Edn, Keyword
from histories.jepsen.objects import is_transaction
from histories.jepsen.operation import Op, is_pair, plain, shown
from histories.jepsen.source import Source
from histories.jepsen.words import MICRO
from histories.vocabulary import LOCK_OPERATIONS, Operation

_FENCES = ("fence", "token", "fencing-token", "fencing_token")
_WIDEST = 1 << 63
_ELLE = {word: Keyword(":" + word[0] if word != "append" else ":append") for word in MICRO}


def asked(operation: Operation, called: Edn, op: Op, source: Source) -> Any:
    """The value of a call row: what is written, compared or done. Raises HistoryError where it cannot be that."""
    if operation in LOCK_OPERATIONS or operation == "read":
        return None
    if operation == "cas" and not is_pair(called):
        raise source.error(op.line, f"the value of :cas is {shown(called)}, expected [old new]")
    return _transaction(called, op, source) if operation == "txn" else plain(called)


def answered(operation: Operation, value: Edn, op: Op, source: Source) -> Any:
    """The value of the return row of what was done: what was read. Raises HistoryError where it cannot be that."""
    if operation == "read":
        return plain(value)
    return _transaction(value, op, source) if operation == "txn" else None


def _transaction(value: Edn, op: Op, source: Source) -> list[Any]:
    if not is_transaction(value):
        known = ", ".join(":" + word for word in MICRO)
        raise source.error(op.line, f"the transaction is {shown(value)}, expected [[{known} key value] …]")
    return [
        [MICRO[part[0].removeprefix(":")], plain(part[1]), plain(part[2]) if len(part) == 3 else None]
        for part in value
    ]  # fmt: skip


def for_elle(value: Any, answered: bool) -> Edn:
    """The value of a transaction in Elle's words, ``[[:r 1 nil] [:append 2 3]]``; ``answered``: with what was read."""
    if not is_transaction(value):
        return value
    return [
        [_ELLE[part[0].removeprefix(":")], part[1], part[2] if _tells(part, answered) else None]
        for part in value
    ]  # fmt: skip


def _tells(part: Edn, answered: bool) -> bool:
    return len(part) == 3 and (answered or MICRO[part[0].removeprefix(":")] != "read")


def fence_of(value: Edn, called: Edn, op: Op, source: Source) -> int | None:
    """The fencing token of a granted acquire: beside the value, the value itself, or in a map under ``:fence`` or
    ``:token``.

    A value that was there in the call already is no answer, and 0 in a map is Hazelcast's word for none. Raises
    HistoryError for one that 64 bits cannot hold.
    """
    found = op.fence if op.fence is not None else value if value != called else None
    if isinstance(found, dict):
        inside = (found.get(":" + word, found.get(word)) for word in _FENCES)
        found = next((token for token in inside if token), None)
    if not isinstance(found, int) or isinstance(found, bool):
        return None
    if not -_WIDEST < found < _WIDEST:
        raise source.error(op.line, f"the fencing token {shown(found)} has more than 64 bits")
    return found
