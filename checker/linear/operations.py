"""The operations the algorithms work on, as columns, and their answers.

An operation is [inv, ret] on one clock; at equal times calls come before returns, so touching operations are
concurrent. One whose effect is unknown (C, D) has ret = NEVER and may not have happened at all.

Operations of many locks lie in one set of columns: an algorithm judges all of them in one go
(see :mod:`checker.linear.line`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from histories.columns import ENDING, NEVER, OP, Calls
from histories.spec import Spec
from histories.vocabulary import MODES, REFUSALS

LETTERS = "ARFNCD"
"""Acquire ok, release ok, try refused (busy), release refused (not held), acquire or release of unknown effect."""

A, R, F, N, C, D = range(6)

NOT_ASKED = "not connected"
"""How the error of a call begins that never reached the lock (files of format version 1 have no ``refusal``)."""

_UNSAID = 255


@dataclass(frozen=True, slots=True, eq=False)
class Operations:
    """n operations in order of ``inv``, or lock by lock and each lock's in that order; columns of length n. At equal
    times a client's own stand in the order it made them.

    ``letter``: index into LETTERS. ``client``, ``lock``: small whole numbers ≥ 0. ``inv``, ``ret``: ns, ``ret`` = NEVER
    for C and D. ``number``: leads back to the call it was made from. ``weight``: permits asked for or given back.
    ``shared``: whether it is a reader's (of a read-write lock).
    """

    letter: NDArray[np.uint8]
    client: NDArray[np.int32]
    lock: NDArray[np.int32]
    inv: NDArray[np.int64]
    ret: NDArray[np.int64]
    number: NDArray[np.int64]
    weight: NDArray[np.int32]
    shared: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.inv)

    def take(self, chosen: NDArray[Any] | slice) -> Operations:
        """Some of the operations, in the order chosen (rows or a mask)."""
        return Operations(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What is wrong with one lock's operations. ``valid`` False: a violation of ``kind``; None: undecided.

    ``witness``: rows of the operations that show it, fewest possible. ``why`` says it in words, in which ``{0}`` and
    ``{1}`` stand for the clients of the first and second witness operation (:meth:`str.format`).
    """

    valid: bool | None
    kind: str
    why: str
    witness: tuple[int, ...]


Answers = Mapping[int, Answer]
"""By number of the lock, for those whose operations are not valid. A lock that is not named is valid."""


def operations(calls: Calls, spec: Spec) -> Operations:
    """The operations of a history's calls, in their order; refusals only where they are exact."""
    letter = np.full(len(calls), _UNSAID, np.uint8)
    acquires, releases = calls.acquires, calls.is_op("release")
    for ending, of_acquire, of_release in (("ok", A, R), ("info", C, D), ("open", C, D)):
        ended = calls.outcome == ENDING[ending]
        letter[ended & acquires] = of_acquire
        letter[ended & releases] = of_release
    if spec.refusals == "exact":
        refused = (calls.outcome == ENDING["fail"]) & ~not_asked(calls)
        letter[refused & acquires] = F
        letter[refused & releases] = N
    asked = letter != _UNSAID
    rows = np.arange(len(calls)) if asked.all() else np.flatnonzero(asked)
    chosen = slice(None) if len(rows) == len(calls) else rows
    ret = np.where(calls.outcome[chosen] >= ENDING["info"], NEVER, calls.ret[chosen])
    return Operations(letter[chosen], calls.client[chosen], calls.lock[chosen], calls.inv[chosen], ret, rows,
                      calls.permits[chosen], calls.mode[chosen] == MODES.index("shared"))  # fmt: skip


def not_asked(calls: Calls) -> NDArray[np.bool_]:
    """Which refusals say nothing about the lock, because it was never asked or the client gave up by itself."""
    own = (calls.refusal == REFUSALS.index("limit")) | (calls.refusal == REFUSALS.index("not-asked"))
    keys = np.unique(calls.error.keys)
    silent = [key for key in keys if (calls.error.name(int(key)) or "").startswith(NOT_ASKED)]
    if silent:
        own |= np.isin(calls.error.keys, silent)
    return own  # type: ignore[no-any-return]


def written(texts: Sequence[str]) -> tuple[Operations, list[str]]:
    """Operations written by hand, with the clients' names: ``p1 A 1 7``; a missing return is one that never came.

    After the times may follow ``lock=2``, ``weight=3``, ``shared``. For tests and examples.
    """
    names: dict[str, int] = {}
    rows = []
    for number, text in enumerate(texts):
        client, letter, *rest = text.split()
        times = [int(word) for word in rest if word.isdigit()]
        options = dict(word.partition("=")[::2] for word in rest if not word.isdigit())
        ret = times[1] if len(times) > 1 and letter not in "CD" else NEVER
        rows.append((times[0], ret, number, LETTERS.index(letter), names.setdefault(client, len(names)),
                     int(options.get("lock", 0)), int(options.get("weight", 1)), "shared" in options))  # fmt: skip
    return from_rows(rows), list(names)


def from_rows(rows: Iterable[tuple[int, ...]]) -> Operations:
    """Operations from (inv, ret, number, letter, client, lock, weight, shared), put in order of (inv, number)."""
    columns: list[tuple[int, ...]] = list(zip(*sorted(rows, key=itemgetter(0, 2)), strict=True)) or [()] * 8
    inv, ret, number, letter, client, lock, weight, shared = columns
    return Operations(
        np.array(letter, np.uint8), np.array(client, np.int32), np.array(lock, np.int32), np.array(inv, np.int64),
        np.array(ret, np.int64), np.array(number, np.int64), np.array(weight, np.int32), np.array(shared, np.bool_),
    )  # fmt: skip


__all__ = ["ENDING", "LETTERS", "NEVER", "OP", "A", "Answer", "Answers", "C", "D", "F", "N", "Operations", "R",
           "from_rows", "not_asked", "operations", "written"]  # fmt: skip
