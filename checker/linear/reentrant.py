"""A mutex that its holder may take again, up to a limit (CHECKERS §6): reduced to an owner mutex.

Each client's own operations tell its depth. Between its outermost acquire and its last release it certainly holds the
lock, whatever happens within; so these two stand for the hold, and the owner mutex does the rest. Where results are of
unknown effect the depth is the least it can be. An acquire of unknown effect within a hold is then one that began when
the hold ended (in the same instant nobody can tell), by a client of its own, because its owner no longer matters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from checker.linear.cluster import Decide
from checker.linear.depths import Depths, depths, holders
from checker.linear.findings import Findings
from checker.linear.line import Line, on_one_line
from checker.linear.nested import Nested, nested
from checker.linear.operations import NEVER, A, Answer, Answers, C, D, F, Operations, R
from checker.linear.owner_mutex import owner_mutex
from checker.linear.whole_lock import WENT_ON, hard, with_hard
from checker.order import Rows


def reentrant(operations: Operations, limit: int, decide: Decide | None = None) -> Answers:
    """What is wrong with mutexes that begin free, never lapse, and may be held ``limit`` times at once by one owner.

    A try within the own hold may be refused at the limit only. Exact, but for what :func:`owner_mutex` leaves open, and
    for exact refusals of locks whose clients went on after a result of unknown effect (other than by releases):
    ``decide`` judges those; without it they are undecided.
    """
    if limit < 1:
        raise ValueError(f"a mutex can be held at least once, not {limit} times")
    line = on_one_line(operations)
    if len(line) == 0:
        return {}
    own = depths(line, holders(line))
    findings = Findings(line)
    _contradictions(line, own, limit, findings)
    went_on, uneven = own.place[own.of(own.marks.nesting)], own.place[own.of(own.marks.uneven)]
    tried = line.lock_of(np.flatnonzero(line.letter == F))
    unsure = np.concatenate((uneven, went_on[np.isin(line.lock_of(went_on), tried)]))
    reduced = _reduced(operations, line, own, np.unique(line.lock_of(unsure)))
    answers = _outer(reduced, decide) | findings.answers()
    return with_hard(answers, operations, line, hard(line, unsure, WENT_ON), decide)


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """Operations of an owner mutex, and the row each stands for."""

    operations: Operations
    row: Rows


def _outer(reduced: Reduced, decide: Decide | None) -> dict[int, Answer]:
    """What is wrong with the outermost holds."""
    found = owner_mutex(reduced.operations, decide)
    return {lock: _shown(answer, reduced.row[list(answer.witness)].tolist()) for lock, answer in found.items()}


def _shown(answer: Answer, rows: list[int]) -> Answer:
    """The answer with these rows as its witness, each once."""
    witness = tuple(dict.fromkeys(rows))
    places = [f"{{{witness.index(row)}}}" for row in rows]
    return replace(answer, witness=witness, why=answer.why.format(*places))


def _contradictions(line: Line, own: Depths, limit: int, findings: Findings) -> None:
    """What a client's own operations show."""
    before, letter = own.before, own.letter
    at = own.place[own.wrong]
    findings.add("release-not-held", "{0} released what it did not hold", line.ret[at], at)
    at = own.place[own.refused_release()]
    findings.add("lost-lock", "{0} was told that what it held is not held", line.ret[at], at)
    inside = np.flatnonzero(before > 0)
    deep = inside[(letter[inside] == A) & (before[inside] >= limit)]
    deep = deep[~np.isin(own.holder(deep), own.marks.uneven)]
    why = f"{{0}} was granted it once more, though it held it {limit} times, which is the limit"
    findings.add("limit-exceeded", why, line.ret[own.place[deep]], own.place[deep], own.entered(deep))
    refused = inside[(letter[inside] == F) & (before[inside] < limit)]
    refused = refused[~np.isin(own.holder(refused), own.marks.nesting)]
    why = f"{{0}} was refused within its own hold, though it may hold it {limit} times"
    findings.add("refused-while-free", why, line.ret[own.place[refused]], own.place[refused], own.entered(refused))


def _reduced(operations: Operations, line: Line, own: Depths, tied: Rows) -> Reduced:
    """The outermost holds; those of ``tied`` locks without refused tries, which nobody could judge."""
    holds = nested(line, own)
    keep = np.zeros(len(line), bool)
    keep[holds.acquire] = True
    keep[holds.closing[holds.closing >= 0]] = True
    tries = np.flatnonzero(own.letter == F)
    tries = own.place[tries[own.before[tries] == 0]]
    keep[tries[~np.isin(line.lock_of(tries), tied)]] = True
    if len(own.lost) == 0:
        rows = line.original(np.flatnonzero(keep))
        return Reduced(operations.take(rows), rows)
    changed = _Changed(operations, line)
    again = np.zeros(len(line), bool)
    again[own.place[own.of(own.marks.nesting)]] = True
    _loose_ends(changed, holds, keep, again)
    _ghosts(changed, own, keep)
    _flashes(changed, own)
    keep[own.place[own.of(own.marks.uneven)]] = False
    return changed.added_to(line.original(np.flatnonzero(keep)))


class _Changed:
    """Operations that stand for others, with other letters and times."""

    def __init__(self, operations: Operations, line: Line) -> None:
        self.operations, self.line = operations, line
        self.clients = int(line.client.max()) + 1
        self._columns: list[tuple[Rows, int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []

    def fresh(self, count: int) -> NDArray[np.int64]:
        """Clients who do nothing else."""
        self.clients += count
        return np.arange(self.clients - count, self.clients)

    def add(
        self, place: Rows, letter: int, inv_of: Rows, ret_of: Rows | None, client: Rows | None = None, sooner: int = 0
    ) -> None:
        """``inv_of``, ``ret_of``: places of the operations whose call and return they take (None: they have none).
        ``client``: who does it, if not the same. ``sooner``: how much before that call, in ns."""
        found, row = self.operations, self.line.original(place)
        inv = found.inv[self.line.original(inv_of)] - sooner
        ret = np.full(len(row), NEVER) if ret_of is None else found.ret[self.line.original(ret_of)]
        who = found.client[row] if client is None else client
        self._columns.append((row, letter, inv, ret, who.astype(np.int64)))

    def added_to(self, rows: Rows) -> Reduced:
        """With the operations that stay as they are."""
        if not any(len(column[0]) for column in self._columns):
            return Reduced(self.operations.take(rows), rows)
        base = self.operations.take(rows)
        row = np.concatenate((rows, *(column[0] for column in self._columns)))
        letters = [np.full(len(column[0]), column[1], np.uint8) for column in self._columns]
        inv = np.concatenate((base.inv, *(column[2] for column in self._columns)))
        ret = np.concatenate((base.ret, *(column[3] for column in self._columns)))
        client = np.concatenate((base.client, *(column[4] for column in self._columns))).astype(np.int32)
        order = np.lexsort((ret, inv, self.operations.lock[row]))
        found = replace(self.operations.take(row), letter=np.concatenate((base.letter, *letters)), inv=inv, ret=ret,
                        client=client).take(order)  # fmt: skip
        return Reduced(found, row[order])


def _loose_ends(changed: _Changed, holds: Nested, keep: NDArray[np.bool_], again: NDArray[np.bool_]) -> None:
    """A hold that a D had a part in ending may have ended any time later, unless an N told that it had by then. That of
    a client that went on (``again``) is made another client's, so that the D is nobody else's."""
    alone = holds.loose & again[holds.acquire]
    told = holds.loose & ~alone & (holds.told >= 0)
    open_ = holds.loose & ~alone & (holds.told < 0)
    open_[open_] = changed.line.letter[holds.closing[open_]] != D
    for others in (alone, told, open_):
        keep[holds.closing[others]] = False
    keep[holds.acquire[alone]] = False
    client = changed.fresh(int(alone.sum()))
    acquire, closing = holds.acquire[alone], holds.closing[alone]
    changed.add(acquire, A, acquire, acquire, client)
    changed.add(closing, D, closing, None, client)
    changed.add(holds.closing[told], R, holds.closing[told], holds.told[told])
    changed.add(holds.closing[open_], D, holds.closing[open_], None)


def _ghosts(changed: _Changed, own: Depths, keep: NDArray[np.bool_]) -> None:
    """An acquire of unknown effect that no release needs may hold to the end, from the client's last operation on."""
    last = own.begin[own.holder(own.idle) + 1] - 1
    open_ = own.after[last] == 0
    lost, last = own.idle[open_], last[open_]
    released = own.letter[last] == D
    alone = lost == last
    keep[own.place[lost[released | alone]]] = keep[own.place[last[released]]] = True
    lost, last = lost[~released & ~alone], last[~released & ~alone]
    changed.add(own.place[lost], C, own.place[last], None, changed.fresh(len(lost)))


def _flashes(changed: _Changed, own: Depths) -> None:
    """A hold that needs an instant only: an acquire of unknown effect some time before, and a release."""
    at = own.flash
    given = own.letter[at] == R
    lost = own.lost[own.letter[own.lost] == C]
    lost = lost[np.searchsorted(lost, at[given]) - 1]
    client = changed.fresh(len(at))
    place, before = own.place[at], own.place[at - 1]
    changed.add(own.place[lost], C, before[given], None, client[given])
    changed.add(place[~given], C, place[~given], None, client[~given], sooner=1)
    changed.add(place, R, place, place, client)
