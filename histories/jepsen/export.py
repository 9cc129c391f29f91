"""Writes a history as Jepsen would: EDN, one operation map a line.

What Jepsen knows is said in its words. Clients become process numbers: c1, c2, … are 0, 1, … and, as in Jepsen, a
client that retires or goes on after an indeterminate operation gets a number greater by the number of processes.
Waiting and trying are both ``:acquire``; a granted fencing token is the acquire's value; transactions are in Elle's
words; where there are several locks or registers, values are ``[name value]``, Jepsen's independent keys. Faults are
the nemesis's ``:info``: ``:start-NAME`` asked and proven, ``:stop-NAME`` heal asked and healed.

Everything else rides along under keys of the namespace ``lockquake`` (:mod:`histories.jepsen.own`), so that the same
history is read back; rows that are no operations of clients have the process ``:lockquake``.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from histories.columns import Call as PairedCall
from histories.columns import Calls
from histories.edn import Edn, Keyword, write_edn
from histories.history import History, sort_key
from histories.jepsen.own import BASE, own_fields
from histories.jepsen.processes import Processes
from histories.jepsen.values import for_elle
from histories.rows import Call, Event, Fault, Return
from histories.vocabulary import LOCK_OPERATIONS, OPERATIONS, Outcome

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9*+!_?<>=.-]*")
_HEALING = frozenset({"heal-asked", "healed", "unhealed"})


def write_jepsen(history: History, target: Path | BinaryIO, operations: Collection[str] = OPERATIONS) -> None:
    """Write a history to a file or binary stream.

    ``operations``: which of the clients' to write; Knossos' mutex knows acquire, try and release only. Raises OSError
    when the file cannot be written, HistoryError for values nested too deep to be read back.
    """
    if isinstance(target, Path):
        with target.open("wb") as file:
            file.writelines(_lines(history, operations))
    else:
        target.writelines(_lines(history, operations))


def _lines(history: History, operations: Collection[str]) -> Iterator[bytes]:
    calls = history.calls
    codes = [code for code, name in enumerate(OPERATIONS) if name in operations]
    if len(codes) < len(OPERATIONS):
        calls = calls.take(np.isin(calls.op, codes))
    rows = sorted(history.rows, key=sort_key)
    begins = [history.header.t, *(row.t for row in rows[:1]), *(int(t) for t in calls.inv[:1])]
    base = min(begins)
    header = {"type": "info", "process": Keyword(":lockquake"), "f": "header", "value": None}
    timed = heapq.merge(
        _call_maps(calls),
        (((*sort_key(row), 0), _row_map(row)) for row in rows),
        key=lambda entry: entry[0],
    )
    yield _line(0, history.header.t - base, header, {BASE: base, **own_fields(history.header)})
    for index, ((t, *_), (words, own)) in enumerate(timed, 1):
        yield _line(index, t - base, words, own)


Words = dict[str, Edn]
Timed = tuple[tuple[int, int, int], tuple[Words, dict[Edn, Edn]]]


def _line(index: int, time: int, words: Words, own: dict[Edn, Edn]) -> bytes:
    form: dict[Edn, Edn] = {Keyword(":index"): index, Keyword(":time"): time}
    for key, value in words.items():
        form[Keyword(":" + key)] = Keyword(":" + value) if key in {"type", "f"} else value
    return (write_edn(form | own) + "\n").encode()


def _row_map(row: Event) -> tuple[Words, dict[Edn, Edn]]:
    words: Words = {"type": "info", "process": Keyword(":lockquake"), "f": row.__struct_config__.tag, "value": None}
    if isinstance(row, Fault):
        name = row.name if _NAME.fullmatch(row.name) else "fault"
        words["process"] = Keyword(":nemesis")
        words["f"] = ("stop-" if row.state in _HEALING else "start-") + name
        words["value"] = row.evidence or row.targets or None
    return words, own_fields(row)


def _call_maps(calls: Calls) -> Iterator[Timed]:
    """The maps of all calls in order of time; at equal times invocations come first."""
    processes = Processes(calls.clients.list())
    keyed = len(calls.locks) > 1
    closed = np.flatnonzero(~calls.ended("open"))
    events = np.concatenate([np.arange(len(calls)), closed])
    times = np.concatenate([calls.inv, calls.ret[closed]])
    returns = np.arange(len(events)) >= len(calls)
    for place, event in enumerate(np.lexsort((returns, times))):
        call = calls.call(int(events[event]))
        if returns[event]:
            process = processes.end(call.client, call.number, call.outcome == "info")
            yield (call.ret, 2, place), _completion(call, process, keyed)
        else:
            process = processes.begin(call.client, call.number)
            yield (call.inv, 0, place), _invocation(call, process, keyed)


def _invocation(call: PairedCall, process: int, keyed: bool) -> tuple[Words, dict[Edn, Edn]]:
    is_open = call.outcome == "open"
    row = Call(
        t=call.inv, client=call.client, call=call.number, op=call.op, lock=call.lock, attempt=call.attempt,
        owner=call.owner, mode=call.mode, permits=call.permits,
        fence=call.fence if is_open else None, value=call.value if is_open else None,
    )  # fmt: skip
    value = _asked(call)
    words = {"type": "invoke", "process": process, "f": _f(call), "value": [call.lock, value] if keyed else value}
    return words, own_fields(row)


def _completion(call: PairedCall, process: int, keyed: bool) -> tuple[Words, dict[Edn, Edn]]:
    row = Return(
        t=call.ret, client=call.client, call=call.number, op=call.op, lock=call.lock, attempt=call.attempt,
        outcome=cast(Outcome, call.outcome), owner=call.owner, fence=call.fence, lease_until=call.lease_until,
        depth=call.depth, refusal=call.refusal, value=call.value, error=call.error,
    )  # fmt: skip
    value = _answered(call) if call.outcome == "ok" else _asked(call)
    words = {"type": call.outcome, "process": process, "f": _f(call), "value": [call.lock, value] if keyed else value}
    if call.outcome != "ok" and (call.error or call.refusal):
        words["error"] = call.error or Keyword(f":{call.refusal}")
    return words, own_fields(row)


def _f(call: PairedCall) -> str:
    return "acquire" if call.op == "try" else call.op


def _asked(call: PairedCall) -> Edn:
    if call.op in LOCK_OPERATIONS or call.op == "read":
        return None
    return for_elle(call.value, answered=call.outcome != "ok") if call.op == "txn" else call.value


def _answered(call: PairedCall) -> Edn:
    if call.op in LOCK_OPERATIONS:
        return call.fence if call.acquires else None
    return for_elle(call.value, answered=True) if call.op == "txn" else call.value
