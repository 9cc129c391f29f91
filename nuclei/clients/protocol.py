"""The client protocol: JSON lines on stdin and stdout between the runner and one client process.

It is the same for our Python worker and for clients in other languages. The runner speaks first (``configure``), the
client answers ``ready``. Field names and meanings are final; new messages may be added, unknown ones are an error.
"""

from __future__ import annotations

from typing import Any

import msgspec

from histories.vocabulary import LeaveReason, Mode, Operation, Point
from nuclei.locks.base import Endpoint, Surroundings

PROTOCOL_VERSION = 1


class LedgerAccess(msgspec.Struct, kw_only=True):
    """How this client reaches the ledger. ``checked``: the ledger rejects stale fencing tokens."""

    endpoint: Endpoint
    checked: bool = False
    timeout: float = 1.0


class Message(msgspec.Struct, tag_field="do", kw_only=True, omit_defaults=True):
    """From the runner to the client."""


class Configure(Message, tag="configure"):
    """Who you are. ``part``: path of the own part file. ``live``: also send rows on stdout.

    ``lock`` names a registered lock; ``key`` is the lock's name in rows and on the servers; ``seed`` is this
    client's own stream. ``number``, ``clients``: which client of how many this is, counted from 1.
    """

    client: str
    lock: str
    key: str
    surroundings: Surroundings
    part: str
    seed: int
    version: int = PROTOCOL_VERSION
    ledger: LedgerAccess | None = None
    live: bool = True
    number: int = 1
    clients: int = 1


class Hold(Message, tag="hold"):
    """Set a barrier: the next ``times`` passes of ``point`` stop there until ``go``, or for ``seconds`` at most: a
    runner that is late must not keep anybody beyond a lease. 0 ``times`` takes the barrier away, and lets pass who
    stands at it."""

    point: Point
    times: int = 1
    seconds: float | None = None


class Go(Message, tag="go"):
    """Pass the barrier you stand at."""


class Run(Message, tag="run"):
    """Run a workload until ``finish``, or until its work is done; ``params`` are the workload's own (times in seconds).
    ``since``: when it began for all clients (CLOCK_MONOTONIC ns; 0: now)."""

    workload: str
    params: dict[str, Any] = {}
    since: int = 0


class Do(Message, tag="op"):
    """One single operation, answered by ``result``. ``mode``: of an acquire or try on a read-write lock."""

    op: Operation
    limit: float | None = None
    mode: Mode = "exclusive"
    value: Any = None


class StepOut(Message, tag="leave"):
    """The user of single operations acts as no longer inside: a ``leave`` row; answered by ``result``."""

    why: LeaveReason = "abandoned"


class Finish(Message, tag="finish"):
    """End the workload after the operation under way (release what is held); answered by ``done``.

    Barriers no longer hold anybody from here on, and a client standing at one passes it."""


class Quit(Message, tag="quit"):
    """Close connections and exit 0."""


Request = Configure | Hold | Go | Run | Do | StepOut | Finish | Quit


class Report(msgspec.Struct, tag_field="say", kw_only=True, omit_defaults=True):
    """From the client to the runner; ``t`` is CLOCK_MONOTONIC ns."""

    t: int


class Ready(Report, tag="ready"):
    """Configured and connected."""

    pid: int


class At(Report, tag="at"):
    """Standing at a barrier (until ``go``)."""

    point: Point
    attempt: str


class Live(Report, tag="row"):
    """A row, as written to the part file."""

    line: msgspec.Raw


class Result(Report, tag="result"):
    """How a single operation came back, as its ``return`` row says; ``client`` is the id it was done under."""

    outcome: str
    client: str = ""
    attempt: str = ""
    fence: int | None = None
    lease_until: int | None = None
    value: Any = None
    error: str | None = None


class Done(Report, tag="done"):
    """The workload ended; ``figures`` are counts of the client's own (for example grants)."""

    figures: dict[str, float] = {}


class Trouble(Report, tag="error"):
    """The client itself failed (not the lock): one sentence. The trial is a harness error."""

    error: str


Answer = Ready | At | Live | Result | Done | Trouble

REQUEST_DECODER: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
ANSWER_DECODER: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
ENCODER = msgspec.json.Encoder()
