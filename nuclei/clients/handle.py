"""One client's handle on one lock: its instance of the lock, the attempts by which it holds it, and what it was told.

A client has one handle per lock name, all under one identity: what makes it retire on one lock retires it on all
(CHECKERS §4 wants a fresh client after an indeterminate result, and a client is one for every lock).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from msgspec import to_builtins
from msgspec.structs import replace

from histories.rows import Leave, Return
from histories.vocabulary import LeaveReason, Mode, Operation, Point
from nuclei.clients.exposure import Exposure
from nuclei.ledger.record import NO_RECORD, Record
from nuclei.locks.base import Attempt, Grant, Lock, LockContext, LockError, Refused

if TYPE_CHECKING:
    from nuclei.clients.session import Session

CONNECT_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""Mean seconds between two tries to connect within the limit of one acquire: at first, and after each try twice as
long, up to the longest. Many clients that try often keep a busy server or proxy from answering any of them."""


class Handle:
    """The client of ``session`` and the lock ``key``. Only the session's working thread calls it; the lock's threads
    may report a loss at any time.

    ``grant``: what the latest successful acquire or renewal handed out.
    """

    def __init__(self, session: Session, key: str) -> None:
        self.session = session
        self.key = key
        self.grant = Grant()
        self._exposure = Exposure(key, session.write, session.control.nudge)
        self._lock: Lock | None = None
        self._connected = False
        self._held: list[str] = []
        self._modes: dict[str, Mode] = {}
        self._attempt = ""
        self._doubt: str | None = None
        self._make_lock()

    # ---- what a workload asks about

    @property
    def inside(self) -> bool:
        """Whether this client holds the lock as far as its own calls tell, and has not left."""
        return bool(self._held)

    @property
    def attempt(self) -> str:
        """The attempt by which it holds the lock, else the latest one."""
        return self._attempt

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

    def barrier(self, point: Point) -> None:
        """Pass a protocol point; waits where the runner set a barrier. The calls below pass theirs themselves.

        A client that is told of its loss is not held: a barrier must not make it stay where it would have left."""
        self.session.control.stand(point, self._attempt, lambda: point != "told" and self.lost)

    # ---- the lock

    def connect(self) -> None:
        """Connect the lock unless it is. Raises LockError when the servers do not answer."""
        if self._lock is not None and not self._connected:
            self._lock.connect()
            self._connected = True

    def acquire(self, limit: float, mode: Mode = "exclusive") -> Grant | None:
        """Wait for the lock at most ``limit`` seconds; None when it was not certainly granted (see the last row)."""
        deadline = time.monotonic() + limit

        def take(lock: Lock, attempt: Attempt) -> Grant:
            return lock.acquire(attempt, max(0.0, deadline - time.monotonic()))

        return self._take("acquire", take, mode, deadline)

    def try_acquire(self, mode: Mode = "exclusive") -> Grant | None:
        """Take the lock at once, or None."""
        return self._take("try", lambda lock, attempt: lock.try_acquire(attempt), mode)

    def renew(self) -> Grant | None:
        """Prolong the lease; None when that is not certain. Passes the point ``before-renew``.

        The grant has another ``lease_until`` then; its owner value, fencing token and depth stay."""
        self.barrier("before-renew")
        granted = self.grant
        row = self._timed("renew", self._attempt, partial(self._asked, lambda lock: lock.renew()))
        if row.outcome != "ok":
            return None
        self.grant = replace(granted, lease_until=self.grant.lease_until)
        return self.grant

    def release(self) -> bool:
        """Give the lock back; False when that is not certain or it was not held. Passes ``before-release``.

        After an indeterminate acquire or release this repeats the release of that attempt once; then the client
        retires, whatever came back.
        """
        if self._held:
            self.barrier("before-release")
            if self.lost:
                self.leave("told")
        if self.doubtful:
            return self.session.settle()
        attempt = self._held[-1] if self._held else self._attempt
        # While an outer hold goes on, a loss is its loss.
        outer = self._held[-2] if len(self._held) > 1 else None
        row = self._released(attempt, outer)
        if self._held:
            self._held.pop()
        self._attempt = outer or self._attempt
        if row.outcome == "info":
            self._doubt = attempt
        return row.outcome == "ok"

    def repeat_release(self) -> Return:
        """Repeat the release of the attempt in doubt. The client must retire afterwards (:meth:`Session.settle`)."""
        assert self._doubt is not None
        return self._released(self._doubt, None)

    def leave(self, why: LeaveReason) -> None:
        """Act as no longer inside (``leave`` row); the lock itself is not touched. Being told passes ``told``."""
        if not self._held:
            return
        if why == "told":
            self.barrier("told")
        attempt = self._held[-1]
        self.session.write(
            Leave(t=time.monotonic_ns(), client=self.session.client, lock=self.key, attempt=attempt, why=why)
        )
        self.session.figures[f"left {why}"] += 1
        self._held.clear()

    def drop(self) -> None:
        """Give the lock's instance up, with its connections (the lock itself is not released), and forget its attempts;
        the next acquire is made by a fresh instance."""
        self._exposure.silence()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()
        self._attempt, self._doubt, self._connected = "", None, False

    # ---- the ledger, under this lock

    def ledger_read(self) -> Any:
        """The ledger's value, or None when the read did not come back (see ``session.last``)."""
        return self._timed("read", self._attempt, self.session.ledger.read).value

    def ledger_write(self, value: Any) -> bool:
        """Write with the fencing token of the grant; whether it was certainly accepted. Passes ``before-write``.

        A client that was told of its loss, perhaps while it stood at that point, writes nothing any more."""
        return self._lands("write", value, partial(self.session.ledger.write, value))

    def read_counter(self, counter: str) -> Any:
        """A counter of the ledger, or None when the read did not come back."""
        value = self._timed("read", self._attempt, partial(self.session.ledger.read_counter, counter)).value
        return None if value is None else value[counter]

    def count_records(self, record: Record) -> int | None:
        """How many records the ledger has of this request; None when the read did not come back."""
        value = self._timed("read", self._attempt, partial(self.session.ledger.count, record)).value
        return None if value is None else int(value[record.field])

    def write_counter(self, counter: str, value: Any, record: Record = NO_RECORD) -> bool:
        """Write a counter, and append a record in the same step, as :meth:`ledger_write` writes."""
        write = partial(self.session.ledger.write_counter, counter, value, record)
        return self._lands("write", {counter: value}, write)

    def append_record(self, record: Record) -> bool:
        """Append a record, as :meth:`ledger_write` writes."""
        return self._lands("append", to_builtins(record), partial(self.session.ledger.append, record))

    # ---- within

    def _lands(self, op: Operation, shown: Any, write: Callable[..., None]) -> bool:
        """Write to the ledger with the fencing token of the grant, unless the lock was reported lost."""
        self.barrier("before-write")
        if self.lost:
            return False
        fence, attempt = self.grant.fence, self._attempt
        stamped = partial(write, fence, attempt, self.session.client, self.key)
        return self._timed(op, attempt, stamped, fence=fence, value=shown).outcome == "ok"

    def _make_lock(self) -> Lock:
        on_lost, on_wake = self._exposure.fresh(self.session.client)
        context = LockContext(
            key=self.key,
            client=self.session.client,
            surroundings=self.session.configure.surroundings,
            random=Random(f"{self.session.configure.seed}:lock:{self.session.client}:{self.key}"),
            on_lost=on_lost,
            on_wake=on_wake,
        )
        self._lock = self.session.entry.make(context)
        return self._lock

    def _need_lock(self) -> Lock:
        return self._lock if self._lock is not None else self._make_lock()

    def _asked(self, ask: Callable[[Lock], Any], deadline: float = 0.0) -> Any:
        """Ask the lock, connected first where it is not yet (again and again until ``deadline``, time.monotonic): a
        connection that fails has asked nothing."""
        lock, pause = self._need_lock(), CONNECT_PAUSE
        while True:
            try:
                self.connect()
                break
            except LockError as error:
                if time.monotonic() >= deadline or self.session.finishing():
                    raise Refused(f"not connected, so nothing was asked: {error}") from error
            self.session.control.sleep(pause * lock.context.random.uniform(0.5, 1.5), lambda: False)
            pause = min(2 * pause, LONGEST_PAUSE)
        return ask(lock)

    def _take(
        self, op: Literal["acquire", "try"], take: Callable[[Lock, Attempt], Grant], mode: Mode, deadline: float = 0.0
    ) -> Grant | None:
        self.session.settle()
        attempt = self.session.fresh_attempt(mode)
        owner = attempt.owner if self._need_lock().writes_owner else None
        outer = self._attempt
        self._attempt = attempt.id
        self._modes[attempt.id] = mode
        self._exposure.expose(attempt.id)
        ask = partial(self._asked, lambda lock: take(lock, attempt), deadline)
        row = self._timed(op, attempt.id, ask, owner=owner, mode=mode)
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

    def _released(self, attempt: str, outer: str | None) -> Return:
        self._exposure.expose(outer)
        mode = self._modes.get(attempt, "exclusive")
        self._modes = {held: self._modes[held] for held in (*self._held, attempt) if held in self._modes}
        return self._timed("release", attempt, partial(self._asked, lambda lock: lock.release()), mode=mode)

    def _timed(self, op: Operation, attempt: str, action: Callable[[], Any], **sent: Any) -> Return:
        row, result = self.session.record(op, action, lock=self.key, attempt=attempt, **sent)
        if isinstance(result, Grant):
            self.grant = result
        return row
