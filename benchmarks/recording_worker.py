"""A client process like any other that records nothing: the other side of what :mod:`benchmarks.recording` compares.

Calls are made, timed and their endings told apart just the same, because workloads go by them; but no row is encoded,
written or sent.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from histories.rows import Event, Return
from histories.vocabulary import Operation
from nuclei.clients import worker
from nuclei.clients.recorder import Recorder
from nuclei.locks.base import Grant, LockError


class Unrecorded(Recorder):
    """Makes the calls, and keeps only the latest return."""

    def write(self, row: Event) -> None:
        """Nothing."""

    def call(
        self, op: Operation, action: Callable[[], Any], *, client: str, lock: str, attempt: str, **sent: Any
    ) -> tuple[Return, Any]:
        """Make a call; what came of it."""
        result: Any = None
        outcome, error = "ok", None
        try:
            result = action()
        except LockError as failure:
            outcome, error = failure.outcome, str(failure)
        row = Return(
            t=time.monotonic_ns(), client=client, call=0, op=op, lock=lock, attempt=attempt, outcome=outcome,  # type: ignore[arg-type]
            error=error, value=None if isinstance(result, Grant) else result,
        )  # fmt: skip
        return row, result


if __name__ == "__main__":
    worker.Recorder = Unrecorded  # type: ignore[misc]
    worker.main(sys.argv[1:])
