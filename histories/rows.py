"""The rows of a history, one JSON object a line, told apart by the field ``row``.

Times ``t`` are nanoseconds of CLOCK_MONOTONIC on the machine that ran the trial (Java's ``nanoTime`` is the same
clock on Linux). Fields that were not written take their defaults; fields this version does not know are kept by
everything that copies rows, because files are merged as raw lines (see :mod:`histories.merge`).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from histories.spec import Spec
from histories.vocabulary import (
    ClientState,
    EndReason,
    FaultState,
    JobState,
    LeaveReason,
    Mode,
    Operation,
    Outcome,
    Refusal,
    ServerEvent,
    TrialState,
)

FORMAT_VERSION = 2


class Row(msgspec.Struct, tag_field="row", kw_only=True, omit_defaults=True):
    """A row has a true time ``t`` in ns (CLOCK_MONOTONIC)."""

    kind: ClassVar[str] = ""
    t: int


class Header(Row, tag="header"):
    """First line of a history: everything needed to judge it and to run it again.

    ``clock`` pairs the monotonic time ``t`` of this row with wall time (``wall_ns``, Unix epoch).
    """

    version: int
    spec: Spec
    plan: dict[str, Any] = {}
    seed: int = 0
    clock: dict[str, Any] = {}
    platform: str = ""
    versions: dict[str, str] = {}


class Call(Row, tag="call"):
    """A client called; ``call`` numbers the calls of one client, ``attempt`` is fresh per acquire attempt.

    ``owner`` is the owner value the lock will write where it is known before the call. Ledger writes carry the
    ``value`` they write and the fencing token they present. ``mode``: of a read-write lock. ``permits``: how many of a
    semaphore's it asks for (or gives back).
    """

    client: str
    call: int
    op: Operation
    lock: str
    attempt: str
    owner: str | None = None
    fence: int | None = None
    mode: Mode = "exclusive"
    permits: int = 1
    value: Any = None


class Return(Row, tag="return"):
    """The call came back. ``lease_until``: monotonic ns up to which the lock itself says it is held. ``refusal``: why
    the outcome is ``fail``, where the lock tells."""

    client: str
    call: int
    op: Operation
    lock: str
    attempt: str
    outcome: Outcome
    owner: str | None = None
    fence: int | None = None
    lease_until: int | None = None
    depth: int = 1
    refusal: Refusal | None = None
    value: Any = None
    error: str | None = None


class Told(Row, tag="told"):
    """The library told the client that it lost the lock."""

    client: str
    lock: str
    attempt: str
    how: str = ""


class Leave(Row, tag="leave"):
    """The client acted as no longer inside: it was told, its own checked deadline came, or it retired."""

    client: str
    lock: str
    attempt: str
    why: LeaveReason


class Wake(Row, tag="wake"):
    """A waiter was woken (watch event, message, poll)."""

    client: str
    lock: str
    attempt: str
    how: str = ""


class Fault(Row, tag="fault"):
    """One step in the life of a fault; ``fault`` is its id within the trial, ``targets`` nodes, links or clients."""

    fault: str
    name: str
    state: FaultState
    targets: list[str] = []
    evidence: str | None = None
    params: dict[str, Any] = {}


class Client(Row, tag="client"):
    """The runner did something to a client process, or saw it end."""

    client: str
    state: ClientState
    pid: int | None = None
    why: str | None = None


class Role(Row, tag="role"):
    """An observer saw a node's role (``primary``, ``replica``, ``leader``, ``follower``, ``down`` …) change."""

    node: str
    role: str
    was: str | None = None
    run_id: str | None = None
    evidence: str | None = None


class Server(Row, tag="server"):
    """An observer saw a key or session begin or end on one node, or says from when on it could not see."""

    node: str
    event: ServerEvent
    key: str = ""
    owner: str | None = None
    reason: EndReason | None = None
    fence: int | None = None
    session: str | None = None
    evidence: str | None = None


class Ledger(Row, tag="ledger"):
    """The ledger decided on a write; ``seq`` is its own order of decisions. ``op``: whether it was to set a value or to
    append a record. The ``value`` of a named counter is ``{NAME: value}``."""

    seq: int
    accepted: bool
    client: str
    lock: str
    attempt: str
    op: Literal["write", "append"] = "write"
    fence: int | None = None
    value: Any = None
    reason: str | None = None


class Effect(Row, tag="effect"):
    """A resource did something that counts: it paid, sold, inserted. ``seq`` is its own order.

    ``resource``: the account, stock or table; ``amount``: how much was taken from it (negative: given back).
    ``request``: id of the request that asked for it, which must have one effect only. ``client``, ``lock`` and
    ``attempt``: on whose behalf, under which lock.
    """

    seq: int
    resource: str
    amount: float = 1
    request: str | None = None
    client: str = ""
    lock: str = ""
    attempt: str = ""


class Job(Row, tag="job"):
    """A run of a job began or ended, as the place where it runs saw it; ``run`` names one run. ``tick``: which of its
    schedule's ticks, counted from 0, it was for."""

    job: str
    run: str
    state: JobState
    tick: int | None = None
    client: str = ""
    lock: str = ""
    attempt: str = ""


class Trial(Row, tag="trial"):
    """The trial itself: started, quiet phase after the last heal, ended."""

    state: TrialState
    why: str | None = None


Event = Call | Return | Told | Leave | Wake | Fault | Client | Role | Server | Ledger | Effect | Job | Trial
AnyRow = Header | Event
