"""One reading of a Redis node, and why a key ended that nobody notified us of: by what else has changed meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from histories.vocabulary import EndReason


@dataclass
class Reading:
    """One answer of the node, at ``t`` (ns). ``ttl``: the key's remaining ms, negative where it has no limit.
    ``replication``: id of the history of data that the node follows. ``flushes``: calls of FLUSHALL and FLUSHDB."""

    t: int
    value: str | None
    ttl: int
    role: str
    run_id: str
    replication: str
    flushes: int


def unnotified_end(origin: Reading | None, last: Reading | None, now: Reading) -> EndReason:
    """Why the value that was first read at ``origin`` and last at ``last`` is not there any more.

    Compared with ``origin``, because a node takes over its new primary's replication id before its data.
    """
    if origin is None or last is None:
        return "unknown"
    if now.run_id != origin.run_id:
        return "restart"
    if now.flushes > origin.flushes:
        return "flushed"
    if now.role == "replica" and now.replication != origin.replication:
        return "resync"
    if last.ttl >= 0 and now.t - last.t >= last.ttl * 1_000_000:
        return "expired"
    return "unknown"
