"""Lazy earliest-deadline-first: one anonymous mutex, O(n log n) (CHECKERS §2).

The lock alternates between free and held. An operation is placed only when it must be: at its own return, or when
another one that must be placed needs the opposite state. Of several that would do, the one with the earliest return
goes first, because otherwise it could be missed; later pairs can always be moved later. On every state that is
visited, all pending refusals that it justifies are placed.
"""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from checker.linear.operations import LETTERS, Answer

_CHANGES = {"A": True, "C": True, "R": False, "D": False}
"""To which state: held or not."""

_SEES = {"F": True, "N": False}

_WRONG = {
    "A": ("double-grant", "{0} was granted it, but it was held all through that call"),
    "R": ("release-not-held", "{0} released it, but it was free all through that call"),
    "F": ("refused-while-free", "{0} was refused, but it was free all through that call"),
    "N": ("lost-lock", "{0} was told that it is not held, but it was held all through that call"),
}


def merge(letter: NDArray[np.uint8], inv: NDArray[np.int64], ret: NDArray[np.int64], never: int) -> Answer | None:
    """What is wrong with the operations of one lock that begins free, in order of ``inv``; None where nothing is.

    ``ret`` ≥ ``never``: of unknown effect. Witness: the operation that cannot be placed, the one that changed the state
    last, and the refusal for which that one was placed, if for one.
    """
    letters = [LETTERS[code] for code in letter.tolist()]
    events, ranks, ranked = _events(inv, ret, never)
    placed = bytearray(len(letters))
    pending: tuple[list[int], list[int]] = ([], [])
    waiting: list[int] = []
    held, last, reason = False, -1, -1
    for event in events:
        number = event if event >= 0 else ~event
        change = _CHANGES.get(letters[number])
        if event >= 0:
            if change is not None:
                heappush(pending[change], ranks[number])
            elif _SEES[letters[number]] == held:
                placed[number] = True
            else:
                waiting.append(number)
        elif not placed[number]:
            # A refusal needs to see the other state; a change to this state needs to begin in the other one.
            if change is None or change == held:
                others = pending[not held]
                while others and placed[ranked[others[0]]]:
                    heappop(others)
                if not others:
                    kind, why = _WRONG[letters[number]]
                    return Answer(False, kind, why, tuple(one for one in (number, last, reason) if one >= 0))
                last, reason, held = ranked[heappop(others)], number, not held
                placed[last] = True
                _place(waiting, placed)
            if change is not None:
                last, reason, held = number, -1, change
                placed[number] = True
                _place(waiting, placed)
    return None


def _place(waiting: list[int], placed: bytearray) -> None:
    """Those that waited for the other state see it now."""
    for number in waiting:
        placed[number] = True
    waiting.clear()


def _events(inv: NDArray[np.int64], ret: NDArray[np.int64], never: int) -> tuple[list[int], list[int], list[int]]:
    """Calls (n) and returns (~n) in order of time, at equal times calls first; each operation's rank in order of
    returns, those that never come last; the operation of each rank."""
    order = np.argsort(ret, kind="stable")
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    back = order[: np.count_nonzero(ret < never)]
    events = np.insert(np.arange(len(inv)), np.searchsorted(inv, ret[back], side="right"), ~back)
    return events.tolist(), rank.tolist(), order.tolist()
