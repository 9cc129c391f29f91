"""What a workload uses: a client's session with its locks and the ledger, which records every call.

A call's row is on disk before the call is made, and its return's row before the workload goes on, so whatever kills
the process, the history knows how far it came.
"""

from __future__ import annotations

import functools
import os
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from histories.rows import Client, Event, Return
from histories.vocabulary import LeaveReason, Mode, Operation, Point
from nuclei.clients.handle import CONNECT_PAUSE, Handle
from nuclei.clients.identity import attempt_id, successor
from nuclei.ledger.record import NO_RECORD, Record
from nuclei.locks.base import Attempt, Grant, LockEntry, LockError

if TYPE_CHECKING:
    from nuclei.clients.control import Control
    from nuclei.clients.protocol import Configure
    from nuclei.clients.recorder import Recorder
    from nuclei.ledger.client import LedgerClient

OPEN_LIMIT = 15.0
"""Seconds within which a client must be connected when it starts."""


class Session:
    """One client's session. Only its working thread calls it; the lock's threads may report a loss at any time.

    A workload of one lock asks the session itself, which passes it on to its handle on the trial's lock. One of many
    locks takes a handle each (:meth:`on`), may be inside several at once, and gives back what it holds before it
    settles a doubt.

    ``client``: the identity under which calls are recorded now. ``last``: the latest return row. ``figures``: the
    client's own counts. ``random``: the workload's stream. ``handles``: lock name → handle, the trial's lock first.
    ``number``, ``clients``: which client of how many this is, from 1. ``began``: when the workload began for all of
    them (CLOCK_MONOTONIC ns).
    """

    def __init__(
        self, configure: Configure, entry: LockEntry, recorder: Recorder, control: Control, ledger: LedgerClient | None
    ) -> None:
        self.client = configure.client
        self.number, self.clients = configure.number, configure.clients
        self.began = 0
        self.random = Random(f"{configure.seed}:workload")
        self.figures: Counter[str] = Counter()
        self.last: Return | None = None
        self.configure = configure
        self.entry = entry
        self.control = control
        self._recorder = recorder
        self._ledger = ledger
        self._owners = Random(f"{configure.seed}:owner")
        self._attempts = 0
        self.handles: dict[str, Handle] = {}
        self._own = self.on(configure.key)

    def on(self, key: str) -> Handle:
        """This client's handle on the lock called ``key``; it connects with its first call. Every call by it is
        recorded under that name, and a history is judged lock by lock."""
        if key not in self.handles:
            self.handles[key] = Handle(self, key)
        return self.handles[key]

    # ---- what a workload asks about

    @property
    def inside(self) -> bool:
        """Whether this client holds the trial's lock as far as its own calls tell, and has not left."""
        return self._own.inside

    @property
    def attempt(self) -> str:
        """The attempt by which it holds the trial's lock, else the latest one."""
        return self._own.attempt

    @property
    def lost(self) -> bool:
        """Whether the library told that a lock now held is lost."""
        return any(handle.lost for handle in self.handles.values())

    @property
    def losses(self) -> int:
        """How often the library told of a loss so far."""
        return sum(handle.losses for handle in self.handles.values())

    @property
    def grant(self) -> Grant:
        """What the latest successful acquire or renewal of the trial's lock handed out."""
        return self._own.grant

    @functools.cached_property
    def read_write(self) -> bool:
        """Whether the locks are read-write locks, which may be asked for ``shared``."""
        return self.entry.spec(self.configure.surroundings.settings).read_write

    @property
    def doubtful(self) -> bool:
        """Whether an acquire or release came back indeterminate and was not settled yet."""
        return any(handle.doubtful for handle in self.handles.values())

    def finishing(self) -> bool:
        """Whether the runner asked for the end."""
        return self.control.finishing

    def sleep(self, seconds: float) -> None:
        """Sleep; ends early when the end is asked for or a lock is reported lost."""
        self.control.sleep(seconds, lambda: self.lost)

    def barrier(self, point: Point) -> None:
        """Pass a protocol point under the trial's lock; see :meth:`Handle.barrier`."""
        self._own.barrier(point)

    # ---- the trial's lock: see Handle

    def acquire(self, limit: float, mode: Mode = "exclusive") -> Grant | None:
        """Wait for the lock at most ``limit`` seconds; None when it was not certainly granted (see ``last``)."""
        return self._own.acquire(limit, mode)

    def try_acquire(self, mode: Mode = "exclusive") -> Grant | None:
        """Take the lock at once, or None."""
        return self._own.try_acquire(mode)

    def renew(self) -> Grant | None:
        """Prolong the lease; None when that is not certain."""
        return self._own.renew()

    def release(self) -> bool:
        """Give the lock back; False when that is not certain or it was not held."""
        return self._own.release()

    def leave(self, why: LeaveReason) -> None:
        """Act as no longer inside; the lock itself is not touched."""
        self._own.leave(why)

    def ledger_read(self) -> Any:
        """The ledger's value, or None when the read did not come back (see ``last``)."""
        return self._own.ledger_read()

    def ledger_write(self, value: Any) -> bool:
        """Write with the fencing token of the grant; whether it was certainly accepted."""
        return self._own.ledger_write(value)

    def read_counter(self, counter: str) -> Any:
        """A counter of the ledger, or None when the read did not come back."""
        return self._own.read_counter(counter)

    def count_records(self, record: Record) -> int | None:
        """How many records the ledger has of this request; None when the read did not come back."""
        return self._own.count_records(record)

    def write_counter(self, counter: str, value: Any, record: Record = NO_RECORD) -> bool:
        """Write a counter, and append a record in the same step; whether that was certainly accepted."""
        return self._own.write_counter(counter, value, record)

    def append_record(self, record: Record) -> bool:
        """Append a record; whether it was certainly accepted."""
        return self._own.append_record(record)

    # ---- its life

    def open(self) -> None:
        """Connect the trial's lock and the ledger. Raises LockError when the servers do not answer within
        ``OPEN_LIMIT``: before a trial nothing is at fault but a machine that is busy."""
        deadline = time.monotonic() + OPEN_LIMIT
        while True:
            try:
                self._own.connect()
                if self._ledger is not None:
                    self._ledger.connect()
                return
            except LockError:
                if time.monotonic() >= deadline or self.finishing():
                    raise
            self.control.sleep(CONNECT_PAUSE, lambda: False)

    def settle(self) -> bool:
        """After an indeterminate result: give other locks back, repeat the release in doubt once and retire; whether
        every repeated release came back well. Does nothing otherwise."""
        if not self.doubtful:
            return True
        for handle in self.handles.values():
            while handle.inside and not handle.doubtful:
                handle.release()
        repeated = [handle.repeat_release() for handle in self.handles.values() if handle.doubtful]
        attempts = ", ".join(row.attempt for row in repeated)
        self.retire(f"the release of {attempts} was repeated after an indeterminate result")
        return all(row.outcome == "ok" for row in repeated)

    def retire(self, why: str) -> None:
        """End this identity; the next acquire is made by a fresh one with lock instances of its own."""
        for handle in self.handles.values():
            handle.leave("retired")
        old = self.client
        self.write(Client(t=time.monotonic_ns(), client=old, state="retired", pid=os.getpid(), why=why))
        self.figures["retired"] += 1
        for handle in self.handles.values():
            handle.drop()
        self.client = successor(old)
        self._attempts = 0
        self.write(
            Client(t=time.monotonic_ns(), client=self.client, state="started", pid=os.getpid(), why=f"follows {old}")
        )

    def close(self) -> None:
        """End the session: leave where still inside, and drop the locks' connections (none is released)."""
        for handle in self.handles.values():
            handle.leave("abandoned")
            handle.drop()
        if self._ledger is not None:
            self._ledger.close()

    @property
    def has_ledger(self) -> bool:
        """Whether this trial has a ledger."""
        return self._ledger is not None

    # ---- what handles use

    @property
    def ledger(self) -> LedgerClient:
        """The way to the ledger. Raises RuntimeError when this trial has none."""
        if self._ledger is None:
            raise RuntimeError("this trial has no ledger, but its workload wants to read or write it")
        return self._ledger

    def write(self, row: Event) -> None:
        """Record a row."""
        self._recorder.write(row)

    def record(self, op: Operation, action: Callable[[], Any], **call: Any) -> tuple[Return, Any]:
        """Make a call and record it (:meth:`Recorder.call`) under the identity of now."""
        row, result = self._recorder.call(op, action, client=self.client, **call)
        self.last = row
        self.figures[f"{op} {row.outcome}"] += 1
        return row, result

    def fresh_attempt(self, mode: Mode = "exclusive") -> Attempt:
        """The next attempt of this identity: an id of its own in the trial, and an owner value."""
        self._attempts += 1
        return Attempt(attempt_id(self.client, self._attempts), f"{self._owners.getrandbits(80):020x}", mode)
