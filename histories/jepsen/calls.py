"""Joins invocations with their completions, and gives them clients, attempts and rows.

A process is a client: ``p3``. It retires with its first indeterminate operation (:mod:`nuclei.clients.identity` names
what follows it): should the number be seen again, that is ``p3.2``. Each acquire is an attempt of its own, and what a
process does next with that lock (release, renew, read, write) belongs to the last attempt granted to it. What a retired
process held, it no longer holds: a ``leave`` row says so, unless it had begun to release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from histories.edn import Edn
from histories.jepsen.objects import Objects, find_objects
from histories.jepsen.operation import Op, text_of
from histories.jepsen.processes import successor
from histories.jepsen.source import Source
from histories.jepsen.values import answered, asked, fence_of
from histories.jepsen.words import OPERATION, failure
from histories.rows import Call, Leave, Return
from histories.vocabulary import ACQUIRES, LOCK_OPERATIONS, Operation, Outcome, Refusal

Pair = tuple[Op, Op | None]


@dataclass
class _Process:
    """What is known of one process number. ``granted``: lock → its last granted attempt; ``held``: those not yet begun
    to be released. ``doubtful``: a failure was read as indeterminate, so the next attempt is a fresh client's."""

    client: str
    calls: int = 0
    attempts: int = 0
    granted: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    doubtful: bool = False

    def successor(self) -> _Process:
        """The client that goes on under the same number."""
        return _Process(successor(self.client))


def pair(ops: Sequence[Op], source: Source) -> list[Pair]:
    """Each invocation with its completion, None where none came, in order of invocation.

    Raises HistoryError where a completion names another operation than its invocation.
    """
    pairs: list[Pair] = []
    under_way: dict[int | str | None, int] = {}
    strays: list[int] = []
    lost = 0
    for op in ops:
        if op.kind == "invoke":
            lost += op.process in under_way
            under_way[op.process] = len(pairs)
            pairs.append((op, None))
            continue
        place = under_way.pop(op.process, None)
        if place is None:
            strays.append(op.line)
            continue
        invoked = pairs[place][0]
        if op.f is not None and op.f != invoked.f:
            what = f"process {op.process} ends :{op.f}, but on line {invoked.line} it had begun :{invoked.f}"
            raise source.error(op.line, what)
        pairs[place] = (invoked, op)
    if strays:
        source.say(f"{len(strays)} completions without invocation were left out (first: line {strays[0]})")
    if lost:
        source.say(f"{lost} operations never came back although their process went on: its client retired")
    return pairs


def call_rows(pairs: Sequence[Pair], source: Source) -> list[Call | Return | Leave]:
    """The rows of all operations that are of locks or registers.

    Raises HistoryError where there are others and no locks, or a value does not fit its operation.
    """
    known = [(operation, op) for op, _ in pairs if (operation := operation_of(op)) is not None]
    _tell_unknown([op for op, _ in pairs if operation_of(op) is None], known, source)
    writer = _Writer(find_objects(known, source), source)
    rows = [row for one in pairs for row in writer.rows(*one)]
    for (f, read_as), (count, error) in sorted(writer.failures.items()):
        said = f", such as {error!r}," if error else ""
        source.say(f"{count} × :{f} :fail{said} read as {read_as}")
    return rows


def operation_of(op: Op) -> Operation | None:
    """The operation; transactions may leave out their ``:f``."""
    if op.f is None:
        return "txn" if isinstance(op.value, list | tuple) else None
    return OPERATION.get(op.f)


def _tell_unknown(unknown: list[Op], known: list[tuple[Operation, Op]], source: Source) -> None:
    if not unknown:
        return
    seen = Counter(op.f for op in unknown)
    told = ", ".join(f"{count} × :{f}" for f, count in seen.most_common(8))
    if not any(operation in LOCK_OPERATIONS for operation, _ in known):
        raise source.error(
            unknown[0].line,
            f"{told}: neither operations of a lock nor of a register (known: {', '.join(':' + f for f in OPERATION)})",
        )
    source.say(f"left out {told}, which are no operations of locks")


class _Writer:
    """Gives the rows of one operation after the other. ``failures``: by operation and how they were read, how many
    failures of locks there were, and the error of the first."""

    def __init__(self, objects: Objects, source: Source) -> None:
        self.failures: dict[tuple[str, str], tuple[int, str]] = {}
        self._objects = objects
        self._source = source
        self._processes: dict[int | str | None, _Process] = {}

    def rows(self, invoked: Op, done: Op | None) -> Iterator[Call | Return | Leave]:
        """The rows of one operation."""
        number = invoked.process
        process = self._processes.get(number) or _Process(f"p{number}" if isinstance(number, int) else f"p-{number}")
        operation = operation_of(invoked)
        if process.doubtful and operation in ACQUIRES and not process.held:
            process = process.successor()
        self._processes[number] = process
        if operation is not None:
            yield from self._call(process, operation, invoked, done)
        if done is None or done.kind == "info":
            left = invoked.t if done is None else done.t
            for lock, attempt in process.held.items():
                yield Leave(t=left, client=process.client, lock=lock, attempt=attempt, why="retired")
            self._processes[number] = process.successor()

    def _call(self, process: _Process, operation: Operation, invoked: Op, done: Op | None) -> Iterator[Call | Return]:
        lock = self._objects.name(operation, invoked.value)
        called = self._objects.rest(operation, invoked.value)
        process.calls += 1
        if operation in ACQUIRES:
            process.attempts += 1
            attempt = f"{process.client}-{process.attempts}"
        else:
            attempt = process.granted.get(lock, f"{process.client}-0")
        if operation == "release":
            process.held.pop(lock, None)
        call = Call(
            t=invoked.t, client=process.client, call=process.calls, op=operation, lock=lock, attempt=attempt,
            value=asked(operation, called, invoked, self._source),
        )  # fmt: skip
        yield call
        if done is not None:
            yield self._return(process, call, called, done)

    def _return(self, process: _Process, call: Call, called: Edn, done: Op) -> Return:
        value = self._objects.rest(call.op, done.value)
        error = _error(done, called)
        outcome, refusal = self._outcome(call.op, done, error)
        row = Return(
            t=done.t, client=call.client, call=call.call, op=call.op, lock=call.lock, attempt=call.attempt,
            outcome=outcome, refusal=refusal, error=error or None,
        )  # fmt: skip
        if outcome == "ok" and call.op in ACQUIRES:
            process.granted[call.lock] = process.held[call.lock] = call.attempt
            row.fence = fence_of(value, called, done, self._source)
        elif outcome == "ok":
            row.value = answered(call.op, value, done, self._source)
        process.doubtful = process.doubtful or outcome == "info"
        return row

    def _outcome(self, operation: Operation, done: Op, error: str) -> tuple[Outcome, Refusal | None]:
        if done.kind != "fail":
            return ("ok", None) if done.kind == "ok" else ("info", None)
        outcome, refusal = failure(operation, error)
        if operation in LOCK_OPERATIONS:
            key = (done.f or operation, f"refused ({refusal})" if refusal else "indeterminate (a time-out)")
            count, example = self.failures.get(key, (0, error[:60]))
            self.failures[key] = (count + 1, example)
        return outcome, refusal


def _error(done: Op, called: Edn) -> str:
    """The error as text. Old logs have it in place of the value."""
    if done.error is not None:
        return text_of(done.error)
    instead = done.kind in {"fail", "info"} and isinstance(done.value, str) and done.value != called
    return text_of(done.value) if instead else ""
