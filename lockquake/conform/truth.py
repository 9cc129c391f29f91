"""What the servers hold, as the cluster's observer sees it, kept while it writes its rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from histories.rows import AnyRow, Server
from histories.write import PartWriter
from nuclei.clusters.observers.majority import MAJORITY


class Truth(PartWriter):
    """Takes an observer's rows: writes them, and knows what is held now. Threads share it.

    ``by_majority``: several servers hold the lock together, and what most of them hold is what counts. ``names_only``:
    what is seen are nodes of sessions, not what is written in them.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._changed = threading.Condition()
        self._lives: dict[tuple[str, str | None, str | None], int] = {}
        self._ends: list[Server] = []
        self.by_majority = False
        self.names_only = False

    def write(self, row: AnyRow) -> bytes:
        """Append the row, and take note of it."""
        line = super().write(row)
        with self._changed:
            self._note(row)
            self._changed.notify_all()
        return line

    def _note(self, row: AnyRow) -> None:
        self.by_majority |= getattr(row, "node", None) == MAJORITY
        if not isinstance(row, Server) or not row.key:
            return
        self.names_only |= row.session is not None
        life = (row.node, row.owner, row.session)
        if row.event == "began":
            self._lives[life] = row.t
        elif row.event == "ended":
            self._lives.pop(life, None)
            self._ends.append(row)

    def owners(self) -> list[str | None]:
        """The owner values that are held now, one per server and holder."""
        with self._changed:
            return [owner for node, owner, _ in self._lives if not self.by_majority or node == MAJORITY]

    @property
    def held(self) -> bool:
        """Whether anybody holds the lock now."""
        return bool(self.owners())

    def first_end_since(self, t: int) -> Server | None:
        """The first end of a hold that was seen after ``t`` (ns)."""
        with self._changed:
            ends = [row for row in self._ends if row.t >= t and (not self.by_majority or row.node == MAJORITY)]
        return min(ends, key=lambda row: row.t, default=None)

    def until(self, look: Callable[[], bool], limit: float) -> bool:
        """Wait at most ``limit`` seconds until ``look`` is true, asked again whenever something changed."""
        deadline = time.monotonic() + limit
        while not look():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with self._changed:
                self._changed.wait(min(left, 0.05))
        return True

    def free(self, limit: float) -> bool:
        """Wait at most ``limit`` seconds until nobody holds it; whether that came."""
        return self.until(lambda: not self.held, limit)

    def taken(self, limit: float) -> bool:
        """Wait at most ``limit`` seconds until somebody holds it; whether that came."""
        return self.until(lambda: self.held, limit)
