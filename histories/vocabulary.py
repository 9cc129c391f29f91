"""The closed vocabularies of a history: operations, outcomes, points, states and reasons.

A word that is not listed here never appears in a row we write. Readers accept more, because files from newer
versions may hold more (see :mod:`histories.read`).
"""

from __future__ import annotations

from typing import Literal, get_args

Operation = Literal["acquire", "try", "renew", "release", "read", "write", "cas", "append", "txn"]
"""What a client asked for. ``acquire`` waits, ``try`` does not; ``read`` and ``write`` go to the ledger. Histories of
registers and key-value stores, recorded elsewhere, hold ``read``, ``write``, ``cas`` (value ``[old, new]``), ``append``
and ``txn`` (value: a list of ``[operation, key, value]``)."""

Outcome = Literal["ok", "fail", "info"]
"""How a call came back: done, certainly not done, or indeterminate. A call that never came back has no return row."""

Ending = Literal["ok", "fail", "info", "open"]
"""An outcome, or ``open`` for a call that never came back."""

Mode = Literal["exclusive", "shared"]
"""What was asked of a read-write lock: to write (``exclusive``, also every other lock's mode) or to read."""

Refusal = Literal["busy", "not-held", "limit", "not-asked"]
"""Why a call came back as ``fail``: the lock is taken; it is not (or no longer) the caller's; the client's own waiting
limit or re-entry limit was reached; the lock was never asked, so the refusal says nothing about it."""

Point = Literal["granted", "before-write", "before-renew", "before-release", "refused", "told"]
"""Protocol points of a client, at which the runner can hold it with a barrier."""

FaultState = Literal["asked", "proven", "unproven", "heal-asked", "healed", "unhealed"]
ClientState = Literal["started", "paused", "resumed", "killed", "retired"]
TrialState = Literal["started", "quiet", "ended"]
LeaveReason = Literal["told", "deadline", "retired", "abandoned"]

ServerEvent = Literal["began", "ended", "blind", "seeing"]
"""What an observer saw on a server: a key or session began or ended there; it went blind, or sees again."""

EndReason = Literal[
    "deleted", "expired", "evicted", "failover", "flushed", "replaced", "resync", "restart", "session-end", "unknown"
]
"""Why a key or session ended on one server, as far as that server told."""

JobState = Literal["began", "ended"]

OPERATIONS: tuple[str, ...] = get_args(Operation)
OUTCOMES: tuple[str, ...] = get_args(Outcome)
ENDINGS: tuple[str, ...] = get_args(Ending)
MODES: tuple[str, ...] = get_args(Mode)
REFUSALS: tuple[str, ...] = get_args(Refusal)
POINTS: tuple[str, ...] = get_args(Point)
LOCK_OPERATIONS = frozenset({"acquire", "try", "renew", "release"})
ACQUIRES = frozenset({"acquire", "try"})
