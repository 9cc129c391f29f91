"""Join call rows and return rows to calls, by client and number, and give the rows back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress, repeat
from operator import is_
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from histories.batches import Batches, Column, Pieces, Places, Words, is_alike, taken
from histories.columns import ENDING, NEVER, NONE, Calls, alike
from histories.columns import Call as PairedCall
from histories.join import Blame, Side, pair
from histories.labels import NO_NAME, first_used
from histories.rows import AnyRow, Call, Return
from histories.vocabulary import Outcome

_REQUESTS = frozenset({"write", "cas", "append"})
"""Operations whose value is asked for by the client, so it stands in the call row."""

_ABSENT = {
    "ret": NEVER, "outcome": ENDING["open"], "lease_until": NONE, "depth": 1, "refusal": -1, "error": NO_NAME,
}  # fmt: skip
"""What a call has that never came back."""


_KIND: dict[str, type[np.generic]] = {
    "client": np.int32, "lock": np.int32, "op": np.uint8, "outcome": np.uint8, "mode": np.uint8, "refusal": np.int8,
    "depth": np.int32, "permits": np.int32,
}  # fmt: skip
"""How the columns are kept that are not 64-bit numbers."""


class CallBuilder:
    """Takes Call and Return rows in any order and any batches; :meth:`build` gives the calls."""

    def __init__(self) -> None:
        self.places = Places()
        self.words = Words()
        self._calls = Batches(Call, self.words, self.places)
        self._returns = Batches(Return, self.words, self.places)

    def add(self, rows: Sequence[Call | Return]) -> None:
        """Take rows that stood in no file. Raises HistoryError for a number out of range."""
        self.append(self.encoded(rows, np.zeros(len(rows), np.int64)))

    def encoded(self, rows: Sequence[AnyRow], places: NDArray[np.int64]) -> Pieces:
        """Calls and returns among rows as columns; ``places``: where each stood (:class:`histories.batches.Places`).

        Raises HistoryError for a number out of range.
        """
        kinds = list(map(type, rows))
        pieces: Pieces = {}
        for kind, batches in ((Call, self._calls), (Return, self._returns)):
            chosen = list(map(is_, kinds, repeat(kind)))
            if any(chosen):
                mine = list(compress(rows, chosen))
                pieces[kind] = [batches.encoded(mine, places[np.array(chosen)])]
        return pieces

    def append(self, *several: Pieces) -> None:
        """Take calls and returns as columns; those taken together are put in the order of their places."""
        self._calls.append([piece for pieces in several for piece in pieces.get(Call, [])])
        self._returns.append([piece for pieces in several for piece in pieces.get(Return, [])])

    def build(self) -> Calls:
        """The calls in order of ``inv``, at equal times as taken. The builder is spent.

        Raises HistoryError for a call or return that is there twice, a return without its call or before it, and
        one that differs from its call in operation, lock or attempt.
        """
        calls, returns = self._calls, self._returns
        calling, returning = (
            Side(rows.column("client"), rows.column("call"), rows.column("place")) for rows in (calls, returns)
        )
        blame = Blame(self.places, self.words, calling, returning)
        pairs = pair(calling, returning, len(self.words.clients), blame)
        inv, came = calls.column("t"), returns.column("t")
        shared = {name: calls.column(name) for name in ("op", "lock", "attempt")}
        blame.disagreement(pairs, {name: (column, returns.column(name)) for name, column in shared.items()})
        blame.reversal(pairs, inv, came)
        columns = {"client": calling.client, "number": calling.number, "inv": inv, **shared}
        del blame, calling, returning, shared  # who is to blame need not be known any more, and takes much room
        order = None if np.all(inv[1:] >= inv[:-1]) else np.argsort(inv, kind="stable")
        columns |= {name: calls.column(name) for name in ("mode", "permits")}
        columns = {name: taken(column, order) for name, column in columns.items()}
        ordered = taken(pairs, order)
        for name in ("owner", "fence", "value"):
            mine, theirs = taken(calls.column(name), order), returns.column(name)
            columns[name] = _filled(ordered, theirs, mine, NONE if name == "fence" else NO_NAME)
        columns["ret"] = _joined(ordered, came, NEVER)
        for name in ("outcome", "lease_until", "depth", "refusal", "error"):
            columns[name] = _joined(ordered, returns.column(name), _ABSENT[name])
        return self._finished(columns)

    def _finished(self, columns: dict[str, Column]) -> Calls:
        words = self.words
        labels = {"attempt": words.attempts, "owner": words.owners, "value": words.values, "error": words.errors}
        given: dict[str, Any] = {name: _shrunk(column, _KIND.get(name, np.int64)) for name, column in columns.items()}
        for name, builder in labels.items():
            given[name] = builder.labels(given[name]).canonical()
        for name, texts in (("client", words.clients), ("lock", words.locks)):
            column = given[name]
            used, renumbered = first_used(column[:1] if is_alike(column) else column, len(texts))
            given[name] = _recoded(column, renumbered.astype(np.int32))
            given[name + "s"] = texts.texts().take(used)
        return Calls(**given)


def _joined(pairs: Column, returned: Column, absent: int) -> Column:
    """A column of the returns, per call; ``absent`` for calls that never came back."""
    if not len(returned):
        return alike(absent, len(pairs), np.int64)
    if is_alike(returned) and (int(returned[0]) == absent or pairs.min() >= 0):
        return alike(int(returned[0]), len(pairs), returned.dtype.type)
    column = returned[pairs]
    column[pairs < 0] = absent
    return column


def _filled(pairs: Column, returned: Column, called: Column, absent: int) -> Column:
    """What the return says, else what the call says."""
    column = _joined(pairs, returned, absent)
    if is_alike(called) and called[0] == absent:
        return column
    if is_alike(column) and column[0] == absent:
        return called
    return np.where(column == absent, called, column)


def _shrunk(column: Column, kind: type[np.generic]) -> Column:
    """The column as it is kept, without memory of its own where all rows are alike."""
    if len(column) and (column.strides == (0,) or (column[0] == column[-1] and (column == column[0]).all())):
        return alike(column[0], len(column), kind)
    return column.astype(kind, copy=False)


def _recoded(column: Column, numbers: Column) -> Column:
    return alike(numbers[column[0]], len(column), numbers.dtype.type) if is_alike(column) else numbers[column]


def rows_of(calls: Calls) -> Iterator[Call | Return]:
    """The call and return rows of calls, in order of time; at equal times calls come first.

    What a call presents (owner, and of writes fencing token and value) stands in its call row, what it was given in
    its return row; where there is no return, everything stands in the call row.
    """
    closed = np.flatnonzero(calls.ended("open") ^ True)
    events = np.concatenate([np.arange(len(calls)), closed])
    times = np.concatenate([calls.inv, calls.ret[closed]])
    returns = np.arange(len(events)) >= len(calls)
    for event in np.lexsort((returns, times)):
        call = calls.call(int(events[event]))
        yield _return_row(call) if returns[event] else _call_row(call)


def _call_row(call: PairedCall) -> Call:
    presents = call.op in _REQUESTS or call.outcome == "open"
    return Call(
        t=call.inv, client=call.client, call=call.number, op=call.op, lock=call.lock, attempt=call.attempt,
        owner=call.owner, mode=call.mode, permits=call.permits,
        fence=call.fence if presents else None, value=call.value if presents else None,
    )  # fmt: skip


def _return_row(call: PairedCall) -> Return:
    given = call.op not in _REQUESTS
    return Return(
        t=call.ret, client=call.client, call=call.number, op=call.op, lock=call.lock, attempt=call.attempt,
        outcome=cast(Outcome, call.outcome), owner=call.owner, lease_until=call.lease_until, depth=call.depth,
        refusal=call.refusal, error=call.error,
        fence=call.fence if given else None, value=call.value if given else None,
    )  # fmt: skip
