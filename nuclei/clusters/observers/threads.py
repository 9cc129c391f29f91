"""One thread per node: started together, awaited until each has seen its node, ended together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from nuclei.platforms.base import HarnessError

_START_SECONDS = 10.0
_STOP_SECONDS = 1.5


class NodeWatch(Protocol):
    """What runs in such a thread. ``seen`` is set after the first reading; ``trouble`` is the last failure."""

    node: str
    seen: threading.Event
    trouble: str

    def work(self) -> None:
        """The thread's body; returns soon after it was told to stop."""

    def close(self) -> None:
        """End what runs beside the server; idempotent."""


def start_all(watches: Sequence[NodeWatch], stop: Callable[[], None]) -> list[threading.Thread]:
    """Start; returns when every node was seen. Calls ``stop`` and raises HarnessError when one is not in time."""
    threads = [threading.Thread(target=watch.work, name=f"observe-{watch.node}", daemon=True) for watch in watches]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + _START_SECONDS
    for watch in watches:
        if not watch.seen.wait(max(0.0, deadline - time.monotonic())):
            stop()
            stop_all(threads, watches)
            raise HarnessError(
                f"the observer did not see {watch.node} within {_START_SECONDS:g} s; last: {watch.trouble}; "
                "is the node frozen or dead?"
            )
    return threads


def stop_all(threads: Sequence[threading.Thread], watches: Sequence[NodeWatch]) -> None:
    """Wait for threads that were told to stop, then end what they ran beside the servers."""
    deadline = time.monotonic() + _STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    for watch in watches:
        watch.close()
