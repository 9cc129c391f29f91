"""What clients did from their first result of unknown effect on (CHECKERS §4).

There may be as many such clients as crashes, so the common endings are read in columns: nothing more, or one repeated
release. Rarer ones are read one by one; what is not known to be exact is left to a general search.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.linear.findings import Findings
from checker.linear.line import Line
from checker.linear.operations import LETTERS, A, C, D, N, R
from checker.order import Rows

_NOTHING = np.empty(0, np.intp)
_END, _MORE = 6, 7
"""Stand for a second letter: none, or one that is not the last."""


@dataclass(frozen=True, slots=True, eq=False)
class Tails:
    """Places of operations, column by column.

    ``acquire``, ``closing``: holds that certainly were, their cores end at the call of ``closing``. ``freed``: a
    ``closing`` of unknown effect that had taken effect when its repetition ``freed_by`` was told "not held".
    ``kept``: acquires that were never released.
    ``lost``: acquires that hold to the end if they took effect, and if so then later than ``lost_after`` was called.
    ``flexible``: lost acquires that did take effect, because ``flexible_end`` released them.
    ``spare``: lost acquires that ``spare_end`` may have released.
    ``loose``: per client, the operations that only a general search can place.
    ``one_by_one``: which tails were not read in columns, as [begin, end).
    """

    acquire: Rows
    closing: Rows
    freed: Rows
    freed_by: Rows
    kept: Rows
    lost: Rows
    lost_after: Rows
    flexible: Rows
    flexible_end: Rows
    spare: Rows
    spare_end: Rows
    loose: list[list[int]]
    one_by_one: list[tuple[int, int]]


class _Parts:
    """Tails in the making."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Rows]] = defaultdict(list)
        self.loose: list[list[int]] = []
        self.one_by_one: list[tuple[int, int]] = []

    def add(self, **columns: list[int] | Rows) -> None:
        """More of some columns."""
        for name, more in columns.items():
            self.columns[name].append(np.asarray(more, np.intp))

    def joined(self) -> Tails:
        """All of it."""
        names = [name for name in Tails.__annotations__ if name not in {"loose", "one_by_one"}]
        columns = {name: np.concatenate([_NOTHING, *self.columns[name]]) for name in names}
        return Tails(**columns, loose=self.loose, one_by_one=self.one_by_one)


def read_tails(line: Line, place: Rows, pair: NDArray[np.uint8], begin: Rows, end: Rows, findings: Findings) -> Tails:
    """Each tail is [begin, end) of ``place`` (operations client by client; ``pair``: 8·letter before + letter), from
    the client's first C or D on."""
    tails = _Parts()
    if len(begin) == 0:
        return tails.joined()
    second = pair[np.minimum(begin + 1, len(pair) - 1)] & 7
    second[end - begin == 1] = _END
    second[end - begin > 2] = _MORE
    first = pair[begin]
    shape = np.where(first >> 3 == A, 64, 0) + 8 * (first & 7) + second

    def shaped(first: int, second: int, held: bool = False) -> Rows:
        chosen: Rows = begin[shape == 64 * held + 8 * first + second]
        return chosen

    for second_letter, after in ((_END, 0), (N, 1)):
        at = shaped(C, second_letter)
        tails.add(lost=place[at], lost_after=place[at + after])
    at = shaped(C, R)
    tails.add(flexible=place[at], flexible_end=place[at + 1])
    at = shaped(C, D)
    tails.add(spare=place[at], spare_end=place[at + 1])
    for second_letter, after in ((_END, 0), (D, 0), (N, 0), (R, 1)):
        # Where the repetition freed it, the first release had not taken effect before.
        at = shaped(D, second_letter, held=True)
        tails.add(acquire=place[at - 1], closing=place[at + after])
    at = shaped(D, N, held=True)
    tails.add(freed=place[at], freed_by=place[at + 1])
    rare = np.flatnonzero(~_IN_COLUMNS[shape])
    for start, stop, held in zip(begin[rare].tolist(), end[rare].tolist(), (shape[rare] >= 64).tolist(), strict=True):
        tails.one_by_one.append((start, stop))
        _read(line, place[start:stop].tolist(), int(place[start - 1]) if held else None, tails, findings)
    return tails.joined()


_IN_COLUMNS = np.zeros(128, bool)
_IN_COLUMNS[[8 * C + _END, 8 * C + N, 8 * C + R, 8 * C + D, 8 * D + _END]] = True
_IN_COLUMNS[[64 + 8 * D + _END, 64 + 8 * D + D, 64 + 8 * D + N, 64 + 8 * D + R]] = True


_FREE = re.compile("(?P<lost>CN*$)|(?P<flexible>CR|CD+R[ND]*$)|(?P<spare>CD+$)|(?P<idle>D[ND]*$)")
_HELD = re.compile("(?P<again>D+R[ND]*$)|(?P<freed>DN|D+N[ND]*$)|(?P<cut>D+$)|(?P<kept>C$)")
"""Endings from a C or D on, out of a hold and in one. After CR and DN all is known again, so the client may go on."""


def _read(line: Line, own: list[int], held: int | None, tails: _Parts, findings: Findings) -> None:
    """Read one tail. ``held``: the acquire of the hold that it begins in."""
    letters = "".join(LETTERS[letter] for letter in line.letter[own].tolist())
    at = 0
    while at < len(own):
        if letters[at] in "CD":
            found = (_FREE if held is None else _HELD).match(letters, at)
            if found is None:
                tails.loose.append([*([] if held is None else [held]), *own[at:]])
                return
            _ending(str(found.lastgroup), own[at : found.end()], found.group(), held, tails)
            held, at = None, found.end()
            continue
        if letters[at] in ("R" if held is None else "AN"):
            _contradiction(line, letters[at], held, own[at], findings)
            return
        if letters[at] == "R":
            tails.add(acquire=[held or 0], closing=[own[at]])
        held, at = own[at] if letters[at] == "A" else None, at + 1
    if held is not None:
        tails.add(kept=[held])


def _ending(name: str, own: list[int], letters: str, held: int | None, tails: _Parts) -> None:
    acquire = [] if held is None else [held]
    match name:
        case "lost":
            tails.add(lost=own[:1], lost_after=own[-1:])
        case "flexible":
            tails.add(flexible=own[:1], flexible_end=[own[letters.index("R")]])
        case "spare":
            tails.add(spare=own[:1], spare_end=own[1:2])
        case "again":
            tails.add(acquire=acquire, closing=[own[letters.index("R")]])
        case "freed":
            tails.add(acquire=acquire, closing=own[:1], freed=own[:1], freed_by=[own[letters.index("N")]])
        case "cut":
            tails.add(acquire=acquire, closing=own[:1])
        case "kept":
            tails.add(kept=acquire)


def contradiction(letter: int) -> tuple[str, str]:
    """Kind and words of a client's operation that contradicts its own last one."""
    return {
        A: ("double-grant", "{0} was granted it twice"),
        R: ("release-not-held", "{0} released what it did not hold"),
        N: ("lost-lock", "{0} was told that what it held is not held"),
    }[letter]


def _contradiction(line: Line, letter: str, held: int | None, place: int, findings: Findings) -> None:
    kind, why = contradiction(LETTERS.index(letter))
    witness = [place] if held is None else [held, place]
    findings.add(kind, why, line.ret[[place]], *(np.array([one]) for one in witness))
