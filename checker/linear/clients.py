"""What each client's own operations tell about its holds of an owner mutex that never lapses.

A client's operations come one after another: complete holds, refusals anywhere, and at the end perhaps a result of
unknown effect, after which it releases once more and retires (the rule that keeps histories exact, CHECKERS §4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.linear.findings import Findings
from checker.linear.line import Line
from checker.linear.operations import A, C, D, F, N, R
from checker.linear.tails import Tails, contradiction, read_tails
from checker.order import Rows, firsts, grouped, taken

START = 6
"""Stands before a client's first operation."""

_PLAIN = {(START, A), (START, N), (A, R), (R, A), (R, N), (N, A), (N, N)}
_ODD = np.array([(before, after) not in _PLAIN for before in range(8) for after in range(8)])


@dataclass(frozen=True, slots=True)
class Groups:
    """The ``place`` of all operations but refused tries, client by client of each lock. ``pair``: 8·letter before, of
    the same client, + letter. The g-th client has [``begin[g]``, ``begin[g + 1]``)."""

    place: Rows
    pair: NDArray[np.uint8]
    begin: Rows


@dataclass(frozen=True, slots=True)
class Told:
    """Places of operations. The i-th hold that certainly was, by ``acquire[i]``, ends its core with ``closing[i]``
    (in ascending order); those by ``kept`` were never released. The rest is in ``tails``."""

    acquire: Rows
    closing: Rows
    kept: Rows
    tails: Tails


def read_clients(line: Line, findings: Findings) -> Told:
    """Read the holds of all clients. A client's first contradiction to itself goes to ``findings``."""
    groups = _grouped(line)
    odd = np.flatnonzero(_ODD[groups.pair])
    group = np.searchsorted(groups.begin, odd, side="right") - 1
    first = firsts(group)
    odd, group = odd[first], group[first]
    lost = np.isin(groups.pair[odd] & 7, (C, D))
    _contradictions(line, groups, odd[~lost], findings)
    tails = read_tails(line, groups.place, groups.pair, odd[lost], groups.begin[group[lost] + 1], findings)
    for begin, end in tails.one_by_one:
        groups.pair[begin:end] = _PAST
    at = np.flatnonzero(groups.pair == _pair(A, R))
    last = groups.begin[1:] - 1
    kept = groups.place[last[groups.pair[last] & 7 == A]]
    acquire, closing = _in_order(len(line), groups.place, at, tails)
    return Told(acquire, closing, np.concatenate((kept, tails.kept)), tails)


def _pair(before: int, after: int) -> int:
    return 8 * before + after


_PAST = _pair(START, START)


def _grouped(line: Line) -> Groups:
    tries = line.letter == F
    places = np.flatnonzero(~tries) if tries.any() else None
    client = line.client if places is None else taken(line.client, places)
    if len(line.locks) > 1:
        count = int(line.client.max(initial=0)) + 1
        locks = np.repeat(np.arange(len(line.locks)), np.diff(line.bounds))
        client = client + count * (locks if places is None else taken(locks, places))
    order, client = grouped(client)
    place = order if places is None else taken(places, order)
    del order, places
    letter = taken(line.letter, place)
    begin = firsts(client)
    pair = np.empty(len(letter), np.uint8)
    np.left_shift(letter[:-1], 3, out=pair[1:])
    pair[begin] = START << 3
    pair |= letter
    return Groups(place, pair, np.append(begin, len(letter)))


def _contradictions(line: Line, groups: Groups, odd: Rows, findings: Findings) -> None:
    """Each client's first operation that does not follow from the one before."""
    letter = groups.pair[odd] & 7
    for one in (A, R, N):
        at, second = odd[letter == one], groups.place[odd[letter == one]]
        witness = (second,) if one == R else (groups.place[at - 1], second)
        findings.add(*contradiction(one), line.ret[second], *witness)


def _in_order(count: int, place: Rows, at: Rows, tails: Tails) -> tuple[Rows, Rows]:
    """The holds in order of the end of their cores: where each one's acquire is, noted at its release, in one pass."""
    acquire_of: NDArray[Any] = np.full(count, -1, np.int32 if count < 1 << 31 else np.int64)
    acquire_of[taken(place, at)] = taken(place, at - 1)
    acquire_of[tails.closing] = tails.acquire
    closing = np.flatnonzero(acquire_of >= 0)
    return taken(acquire_of, closing).astype(np.intp), closing
