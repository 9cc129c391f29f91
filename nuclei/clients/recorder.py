"""Record the calls of one client: to its own part file first, then, when the runner listens, to stdout."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from histories.rows import Call, Client, Event, Leave, Return, Told
from histories.vocabulary import ACQUIRES, Mode, Operation, Outcome
from histories.write import PartWriter
from nuclei.clients.protocol import Live, Report
from nuclei.locks.base import Grant, LockError


class Recorder:
    """Rows reach the kernel before :meth:`write` returns, so a SIGKILL right afterwards loses none.

    ``live``: send every row on as well: at once where the runner acts on it, the others by ``later``, with the next
    that is sent. Rows that tell of a new client identity are always sent, because the runner must know whom it kills.
    """

    def __init__(
        self,
        part: PartWriter,
        say: Callable[[Report], None],
        *,
        live: bool,
        later: Callable[[Report], None] | None = None,
    ) -> None:
        self._part = part
        self._say = say
        self._later = later or say
        self._live = live
        self._calls = 0

    def write(self, row: Event) -> None:
        """Record the row (raises OSError when the file cannot take it)."""
        line = self._part.write(row)
        if self._live or isinstance(row, Client):
            send = self._say if _acted_on(row) else self._later
            send(Live(t=row.t, line=msgspec.Raw(line.rstrip(b"\n"))))

    def call(
        self,
        op: Operation,
        action: Callable[[], Any],
        *,
        client: str,
        lock: str,
        attempt: str,
        owner: str | None = None,
        fence: int | None = None,
        mode: Mode = "exclusive",
        value: Any = None,
    ) -> tuple[Return, Any]:
        """Make a call and record it: call row, ``action``, return row, each on disk before the next step.

        Both times are CLOCK_MONOTONIC ns, taken directly around ``action`` but for the writing of the call row, which
        must be on disk first. A LockError becomes the outcome; any other exception passes (the call stays open).
        Returns the return row and what ``action`` returned.
        """
        self._calls += 1
        number = self._calls
        result: Any = None
        error: str | None = None
        outcome: Outcome = "ok"
        self.write(
            Call(
                t=time.monotonic_ns(), client=client, call=number, op=op, lock=lock, attempt=attempt,
                owner=owner, fence=fence, mode=mode, value=value,
            )
        )  # fmt: skip
        try:
            result = action()
            came_back = time.monotonic_ns()
        except LockError as failure:
            came_back = time.monotonic_ns()
            outcome, error = failure.outcome, str(failure)
        grant = result if isinstance(result, Grant) else None
        row = Return(
            t=came_back, client=client, call=number, op=op, lock=lock, attempt=attempt, outcome=outcome, error=error,
            owner=(grant.owner if grant else None) or owner,
            fence=grant.fence if grant else fence,
            lease_until=grant.lease_until if grant else None,
            depth=grant.depth if grant else 1,
            value=None if grant else result,
        )  # fmt: skip
        self.write(row)
        return row, result

    def close(self) -> None:
        """Close the part file."""
        self._part.close()


def _acted_on(row: Event) -> bool:
    """Whether the runner must know of it at once: who comes in or leaves, and what was told."""
    match row:
        case Return():
            return row.op in ACQUIRES
        case Call():
            return row.op == "release"
    return isinstance(row, Leave | Told | Client)
