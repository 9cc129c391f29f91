"""Holds from the first of a client's nested acquires to the last of its releases (CHECKERS §6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.linear.depths import Depths
from checker.linear.line import Line
from checker.linear.operations import N
from checker.linear.usage import Column
from checker.order import Rows


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """Holds that certainly were, holder by holder. ``acquire``, ``closing``: places on the line of the operations that
    may have begun and ended each, ``closing`` −1 where it was never released. ``loose``: a release of unknown effect
    had a part in its end, so that may have come later. ``freed``: when it had ended at the latest, ns on the line.
    ``told``: the place of the N that told so, −1 for none."""

    acquire: Rows
    closing: Rows
    loose: NDArray[np.bool_]
    freed: Column
    told: Rows


def nested(line: Line, own: Depths) -> Nested:
    """Holds begin where the least depth leaves zero, and end where it comes back to it."""
    held = own.after > 0
    changed = np.flatnonzero(held != (own.before > 0))
    up, down = changed[held[changed]], changed[~held[changed]]
    end = own.begin[own.holder(up) + 1]
    closing = _next(down, up, end)
    closed = closing >= 0
    loose = np.zeros(len(up), bool)
    loose[closed] = own.certain[closing[closed]] >= own.certain[up[closed]]
    told = np.full(len(up), -1)
    told[loose] = _next(np.flatnonzero(own.letter == N), closing[loose], end[loose])
    acquire = own.place[up]
    freed = line.never[line.lock_of(acquire)]
    sure = closed & ~loose
    freed[sure] = line.ret[own.place[closing[sure]]]
    freed[told >= 0] = line.ret[own.place[told[told >= 0]]]
    return Nested(acquire, _places(own, closing), loose, freed, _places(own, told))


def _next(among: Rows, after: Rows, end: Rows) -> Rows:
    """The first of ``among`` after each of ``after`` and before its ``end``, −1 for none."""
    among = np.append(among, np.iinfo(np.intp).max)
    found = among[np.searchsorted(among, after)]
    return np.where(found < end, found, -1)


def _places(own: Depths, at: Rows) -> Rows:
    return np.where(at >= 0, own.place[at], -1) if len(own.place) else at
