"""A mutex without owners: anybody may release. Lazy earliest-deadline-first, O(n log n) (CHECKERS §2).

The lock alternates between free and held. An operation is placed only when it must be: at its own return, or when
another one that must be placed needs the opposite state. Of several that would do, the one with the earliest return
goes first, because otherwise it could be missed; later pairs can always be moved later. On every state that is
visited, all pending refusals that it justifies are placed.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from checker.calls import NEVER
from checker.linear.operations import VALID, Answer, Letter, Operation

HELD_AFTER: dict[Letter, bool] = {"A": True, "C": True, "R": False, "D": False}
SEEN_WHILE: dict[Letter, bool] = {"F": True, "N": False}


def anonymous_mutex(operations: Sequence[Operation]) -> Answer:
    """Whether the operations are those of one anonymous mutex that begins free."""
    return _Machine(operations).run()


class _Machine:
    """``pending[held]``: changes to that state by deadline. ``waiting[held]``: refusals that need to see it."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations
        self.held = False
        self.placed = [False] * len(operations)
        self.pending: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
        self.waiting: dict[bool, list[int]] = {True: [], False: []}
        self.last: int | None = None

    def run(self) -> Answer:
        events = [(o.inv, 0, number) for number, o in enumerate(self.operations)]
        events += [(o.ret, 1, number) for number, o in enumerate(self.operations) if o.ret < NEVER]
        for _, returns, number in sorted(events):
            if not returns:
                self._called(number)
            elif not self.placed[number] and not self._must_place(number):
                return self._stuck(number)
        return VALID

    def _called(self, number: int) -> None:
        operation = self.operations[number]
        if operation.letter in HELD_AFTER:
            heapq.heappush(self.pending[HELD_AFTER[operation.letter]], (operation.ret, number))
        elif SEEN_WHILE[operation.letter] == self.held:
            self.placed[number] = True
        else:
            self.waiting[not self.held].append(number)

    def _must_place(self, number: int) -> bool:
        """Place an operation at its return; False where nothing pending makes that possible."""
        letter = self.operations[number].letter
        if letter in SEEN_WHILE:
            return self._change(SEEN_WHILE[letter])
        wanted = HELD_AFTER[letter]
        if self.held == wanted and not self._change(not wanted):
            return False
        self.placed[number] = True
        self._enter(wanted, number)
        return True

    def _change(self, held: bool) -> bool:
        """Apply the pending change to that state with the earliest deadline."""
        heap = self.pending[held]
        while heap:
            _, number = heapq.heappop(heap)
            if not self.placed[number]:
                self.placed[number] = True
                self._enter(held, number)
                return True
        return False

    def _enter(self, held: bool, number: int) -> None:
        self.held, self.last = held, number
        for waiting in self.waiting[held]:
            self.placed[waiting] = True
        self.waiting[held].clear()

    def _stuck(self, number: int) -> Answer:
        operation = self.operations[number]
        witness = (operation,) if self.last is None else (self.operations[self.last], operation)
        state = "held" if self.held else "free"
        what = {"A": "was granted", "R": "released", "F": "was refused", "N": "was told it is not held"}[
            operation.letter
        ]
        kind = {"A": "double-grant", "R": "release-not-held", "F": "refused-while-free", "N": "lost-lock"}
        why = f"{operation.client} {what}, but the lock was {state} all through that call"
        return Answer(False, kind[operation.letter], why, witness)
