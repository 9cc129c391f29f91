"""Checks of ``close``: in time, whatever state the servers are in, and without giving the lock back."""

from __future__ import annotations

import time

from lockquake.conform.bench import Bench
from lockquake.conform.endings import must_be_seen
from lockquake.conform.outcome import Failed, NotApplicable
from lockquake.conform.taker import Taker

CLOSE_LIMIT = 1.0
"""Seconds that the contract gives ``close``."""
SLACK = 1.5
"""Seconds for everything else from asking a client process to end until it is seen to have ended."""
_LONGEST = 10.0


def close_is_prompt(bench: Bench) -> str:
    """Within a second, also when no server answers."""
    [client] = bench.takers(1)
    client.take()
    with bench.cut(client):
        seconds = _ended_after(client)
    if seconds > CLOSE_LIMIT + SLACK:
        took = "more than " if seconds >= _LONGEST else ""
        raise Failed(f"with all links cut, close and the end of the process took {took}{seconds:.1f} s")
    return f"with all links cut, close and the end of the process took {seconds:.1f} s"


def close_keeps_the_lock(bench: Bench) -> str:
    """A closed instance is like a dead client: its lease goes on."""
    if bench.spec().session_ns is not None:
        raise NotApplicable("closing ends its session, and with it the lock")
    [client] = bench.takers(1)
    client.take()
    must_be_seen(bench)
    _ended_after(client)
    if bench.truth.free(1.0):
        raise Failed("close gave the lock back; a crash would not have")
    return "after close the servers still hold the lock"


def _ended_after(client: Taker) -> float:
    """Seconds from asking the client's process to end until it has ended (at most ten)."""
    began = time.monotonic()
    client.quit()
    while client.process.alive and time.monotonic() < began + _LONGEST:
        time.sleep(0.01)
    return time.monotonic() - began
