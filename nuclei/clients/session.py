"""What a workload uses: a client's session with its lock and the ledger, which records every call.

A call's row is on disk before the call is made, and its return's row before the workload goes on, so whatever kills
the process, the history knows how far it came.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from histories.rows import Client, Leave, Return
from histories.vocabulary import LeaveReason, Operation, Point
from nuclei.clients.exposure import Exposure
from nuclei.clients.identity import attempt_id, successor
from nuclei.locks.base import Attempt, Grant, Lock, LockContext, LockEntry, LockError, Refused

if TYPE_CHECKING:
    from nuclei.clients.control import Control
    from nuclei.clients.protocol import Configure
    from nuclei.clients.recorder import Recorder
    from nuclei.ledger.client import LedgerClient

CONNECT_PAUSE = 0.05
"""Seconds between two tries to connect within the limit of one acquire."""


class Session:
    """One client's session. Only its working thread calls it; the lock's threads may report a loss at any time.

    ``client``: the identity under which calls are recorded now. ``last``: the latest return row. ``grant``: what the
    latest successful acquire handed out. ``figures``: the client's own counts. ``random``: the workload's stream.
    """

    def __init__(
        self, configure: Configure, entry: LockEntry, recorder: Recorder, control: Control, ledger: LedgerClient | None
    ) -> None:
        self.client = configure.client
        self.random = Random(f"{configure.seed}:workload")
        self.figures: Counter[str] = Counter()
        self.last: Return | None = None
        self.grant = Grant()
        self._configure = configure
        self._entry = entry
        self._recorder = recorder
        self._control = control
        self._ledger = ledger
        self._owners = Random(f"{configure.seed}:owner")
        self._exposure = Exposure(configure.key, recorder.write, control.nudge)
        self._lock: Lock | None = None
        self._connected = False
        self._attempts = 0
        self._held: list[str] = []
        self._attempt = ""
        self._doubt: str | None = None
        self._make_lock()

    # ---- what a workload asks about

    @property
    def inside(self) -> bool:
        """Whether this client holds the lock as far as its own calls tell, and has not left."""
        return bool(self._held)

    @property
    def lost(self) -> bool:
        """Whether the library told that the lock now held is lost."""
        return self._exposure.lost

    @property
    def losses(self) -> int:
        """How often the library told of a loss so far."""
        return self._exposure.losses

    @property
    def doubtful(self) -> bool:
        """Whether an acquire or release came back indeterminate and was not settled yet."""
        return self._doubt is not None

    def finishing(self) -> bool:
        """Whether the runner asked for the end."""
        return self._control.finishing

    def sleep(self, seconds: float) -> None:
        """Sleep; ends early when the end is asked for or the lock is reported lost."""
        self._control.sleep(seconds, lambda: self.lost)

    def barrier(self, point: Point) -> None:
        """Pass a protocol point; waits where the runner set a barrier. The calls below pass theirs themselves.

        A client that is told of its loss is not held: a barrier must not make it stay where it would have left."""
        self._control.stand(point, self._attempt, lambda: point != "told" and self.lost)

    # ---- the lock

    def open(self) -> None:
        """Connect the lock and the ledger. Raises LockError when the servers do not answer."""
        self.connect()
        if self._ledger is not None:
            self._ledger.connect()

    def connect(self) -> None:
        """Connect the lock unless it is. Raises LockError when the servers do not answer."""
        if self._lock is not None and not self._connected:
            self._lock.connect()
            self._connected = True

    def acquire(self, limit: float) -> Grant | None:
        """Wait for the lock at most ``limit`` seconds; None when it was not certainly granted (see ``last``)."""
        deadline = time.monotonic() + limit

        def take(lock: Lock, attempt: Attempt) -> Grant:
            return lock.acquire(attempt, max(0.0, deadline - time.monotonic()))

        return self._take("acquire", take, deadline)

    def try_acquire(self) -> Grant | None:
        """Take the lock at once, or None."""
        return self._take("try", lambda lock, attempt: lock.try_acquire(attempt))

    def renew(self) -> Grant | None:
        """Prolong the lease; None when that is not certain. Passes the point ``before-renew``."""
        self.barrier("before-renew")
        row = self._timed("renew", self._attempt, partial(self._asked, lambda lock: lock.renew()))
        return self.grant if row.outcome == "ok" else None

    def release(self) -> bool:
        """Give the lock back; False when that is not certain or it was not held. Passes ``before-release``.

        After an indeterminate acquire or release this repeats the release of that attempt once; then the client
        retires, whatever came back.
        """
        if self._held:
            self.barrier("before-release")
            if self.lost:
                self.leave("told")
        repeated = self._doubt is not None
        attempt = self._doubt or (self._held[-1] if self._held else self._attempt)
        # While an outer hold goes on, a loss is its loss.
        outer = self._held[-2] if len(self._held) > 1 and not repeated else None
        self._exposure.expose(outer)
        row = self._timed("release", attempt, partial(self._asked, lambda lock: lock.release()))
        if self._held and not repeated:
            self._held.pop()
        self._attempt = outer or self._attempt
        if repeated:
            self.retire(f"the release of {attempt} was repeated after an indeterminate result")
        elif row.outcome == "info":
            self._doubt = attempt
        return row.outcome == "ok"

    def settle(self) -> None:
        """After an indeterminate result: repeat the release once and retire. Does nothing otherwise."""
        if self.doubtful:
            self.release()

    def leave(self, why: LeaveReason) -> None:
        """Act as no longer inside (``leave`` row); the lock itself is not touched. Being told passes ``told``."""
        if not self._held:
            return
        if why == "told":
            self.barrier("told")
        self._recorder.write(
            Leave(t=time.monotonic_ns(), client=self.client, lock=self._key, attempt=self._held[-1], why=why)
        )
        self.figures[f"left {why}"] += 1
        self._held.clear()

    def retire(self, why: str) -> None:
        """End this identity; the next acquire is made by a fresh one with a lock instance of its own."""
        self.leave("retired")
        old = self.client
        self._recorder.write(Client(t=time.monotonic_ns(), client=old, state="retired", pid=os.getpid(), why=why))
        self.figures["retired"] += 1
        self._drop_lock()
        self.client = successor(old)
        self._attempts = 0
        self._attempt, self._doubt, self._connected = "", None, False
        self._recorder.write(
            Client(t=time.monotonic_ns(), client=self.client, state="started", pid=os.getpid(), why=f"follows {old}")
        )

    def close(self) -> None:
        """End the session: leave where still inside, and drop the lock's connections (it is not released)."""
        self.leave("abandoned")
        self._drop_lock()
        if self._ledger is not None:
            self._ledger.close()

    # ---- the ledger

    @property
    def has_ledger(self) -> bool:
        """Whether this trial has a ledger."""
        return self._ledger is not None

    def ledger_read(self) -> Any:
        """The ledger's value, or None when the read did not come back (see ``last``)."""
        ledger = self._need_ledger()
        return self._timed("read", self._attempt, ledger.read).value

    def ledger_write(self, value: Any) -> bool:
        """Write with the fencing token of the grant; whether it was certainly accepted. Passes ``before-write``.

        A client that was told of its loss, perhaps while it stood at that point, writes nothing any more."""
        self.barrier("before-write")
        if self.lost:
            return False
        ledger, fence, attempt = self._need_ledger(), self.grant.fence, self._attempt
        write = partial(ledger.write, value, fence, attempt, self.client, self._key)
        return self._timed("write", attempt, write, fence=fence, value=value).outcome == "ok"

    # ---- within

    @property
    def _key(self) -> str:
        return self._configure.key

    def _make_lock(self) -> Lock:
        on_lost, on_wake = self._exposure.fresh(self.client)
        context = LockContext(
            key=self._key,
            client=self.client,
            surroundings=self._configure.surroundings,
            random=Random(f"{self._configure.seed}:lock:{self.client}"),
            on_lost=on_lost,
            on_wake=on_wake,
        )
        self._lock = self._entry.make(context)
        return self._lock

    def _drop_lock(self) -> None:
        self._exposure.silence()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def _need_lock(self) -> Lock:
        return self._lock if self._lock is not None else self._make_lock()

    def _asked(self, ask: Callable[[Lock], Any], deadline: float = 0.0) -> Any:
        """Ask the lock, connected first where it is not yet (again and again until ``deadline``, time.monotonic): a
        connection that fails has asked nothing."""
        lock = self._need_lock()
        while True:
            try:
                self.connect()
                break
            except LockError as error:
                if time.monotonic() >= deadline or self.finishing():
                    raise Refused(f"not connected, so nothing was asked: {error}") from error
            self._control.sleep(CONNECT_PAUSE, lambda: False)
        return ask(lock)

    def _need_ledger(self) -> LedgerClient:
        if self._ledger is None:
            raise RuntimeError("this trial has no ledger, but its workload wants to read or write it")
        return self._ledger

    def _take(
        self, op: Literal["acquire", "try"], take: Callable[[Lock, Attempt], Grant], deadline: float = 0.0
    ) -> Grant | None:
        self.settle()
        self._attempts += 1
        attempt = Attempt(attempt_id(self.client, self._attempts), f"{self._owners.getrandbits(80):020x}")
        owner = attempt.owner if self._need_lock().writes_owner else None
        outer = self._attempt
        self._attempt = attempt.id
        self._exposure.expose(attempt.id)
        ask = partial(self._asked, lambda lock: take(lock, attempt), deadline)
        row = self._timed(op, attempt.id, ask, owner=owner)
        if row.outcome == "ok":
            self._held.append(attempt.id)
            self.barrier("granted")
            return self.grant
        if row.outcome == "info":
            self._doubt = attempt.id
        else:
            self.barrier("refused")
        self._attempt = outer if self._held else attempt.id
        self._exposure.expose(self._held[-1] if self._held else None)
        return None

    def _timed(self, op: Operation, attempt: str, action: Callable[[], Any], **sent: Any) -> Return:
        row, result = self._recorder.call(op, action, client=self.client, lock=self._key, attempt=attempt, **sent)
        if isinstance(result, Grant):
            self.grant = result
        self.last = row
        self.figures[f"{op} {row.outcome}"] += 1
        return row
