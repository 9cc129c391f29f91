"""Staying inside while the lease is renewed, by a client that renews it itself between other things."""

from __future__ import annotations

import math
import time

from nuclei.clients.handle import Handle


class Stay:
    """A hold of ``handle`` from now on, whose lease is renewed every ``period`` seconds (0: never).

    ``heed``: whether a renewal that is refused, or of which nobody knows, makes the client leave. Many programs do not
    look, and stay.
    """

    def __init__(self, handle: Handle, period: float, *, heed: bool) -> None:
        self._handle = handle
        self._period = period or math.inf
        self._heed = heed
        self._due = time.monotonic() + self._period

    def through(self, seconds: float) -> bool:
        """Stay for so long, or until the lock is reported lost or the end is asked for; False when a renewal failed and
        the client left for it."""
        session = self._handle.session
        until = time.monotonic() + seconds
        while not session.lost and not session.finishing():
            now = time.monotonic()
            if now >= until:
                break
            if now < self._due:
                session.sleep(min(until, self._due) - now)
            elif not self._renewed():
                return False
        return True

    def _renewed(self) -> bool:
        """Renew; False when that failed and the client left."""
        granted = self._handle.renew() is not None
        self._due = time.monotonic() + self._period
        if granted or not self._heed:
            return True
        refused = self._handle.session.last is not None and self._handle.session.last.outcome == "fail"
        self._handle.leave("told" if refused else "abandoned")
        return False
