"""How deep one client is in one lock, row by row: when it goes in and when it is out again.

The same as the columns of :mod:`checker.holds` say of all rows at once: granted acquires go one deeper, release calls
one up, leaving goes all the way up, and what speaks of an attempt of an earlier hold moves nothing.
"""

from __future__ import annotations

REMEMBERED = 64
"""Attempts that a visit knows the holds of. What speaks of an older one ends what is known of the hold under way."""
NOT_GRANTED = 0


class Visit:
    """One client's visits to one lock, one after the other. Its rows come in order of time.

    ``sure``: nothing spoke of an attempt that had been forgotten.
    """

    __slots__ = ("_attempts", "_departed", "_depth", "_forgot", "_number", "sure")

    def __init__(self) -> None:
        self.sure = True
        self._depth = 0
        self._number = NOT_GRANTED + 1
        self._attempts: dict[str, int] = {}
        self._forgot = False
        self._departed: int | None = None

    def asks(self, attempt: str) -> None:
        """It calls acquire."""
        if attempt not in self._attempts:
            self._note(attempt, NOT_GRANTED)

    def enters(self, attempt: str, t: int) -> bool:
        """It is granted the lock at ``t`` (ns); whether it was out before, so that a hold begins."""
        if t == self._departed:
            # The columns let a departure at the same instant come after the grant.
            self._note(attempt, self._number)
            return False
        self._depth += 1
        self._number += self._depth == 1
        self._note(attempt, self._number)
        return self._depth == 1

    def releases(self, attempt: str) -> bool:
        """It calls release; whether it is, or may be, out from now on."""
        hold = self._attempts.get(attempt)
        if hold is None and self._forgot:
            self.sure = False
            return True
        if not hold or hold == self._number:
            self._depth = max(0, self._depth - 1)
        return self._depth == 0

    def departs(self, attempt: str, t: int) -> bool:
        """It leaves at ``t`` without releasing; whether it is, or may be, out from now on."""
        hold = self._attempts.get(attempt)
        if hold is None and self._forgot:
            self.sure, self._departed = False, t
            return True
        if not hold or hold == self._number:
            if self._depth or not hold:
                self._departed = t
            self._depth = 0
        return self._depth == 0

    def _note(self, attempt: str, hold: int) -> None:
        self._attempts[attempt] = hold
        if len(self._attempts) > REMEMBERED:
            del self._attempts[next(iter(self._attempts))]
            self._forgot = True
