"""``postgres-advisory``: a session-level advisory lock, ``pg_try_advisory_lock`` or ``pg_advisory_lock`` with a
``lock_timeout``.

It has no lease: it lasts as long as its session, and the session as long as the server believes in the connection. A
holder that is paused keeps it, however long (the kernel goes on acknowledging); one that dies loses it at once; one
that is cut off keeps it until keep-alives go unanswered, and for ever where something between the two answers in its
place. A server that is started again knows no sessions: the lock is free while its holder believes in it. A holder that
looks hears of that: with ``heartbeat`` it asks its server for a sign of life that often, and watches its connection;
without (0, what most programs do) it never looks.

``idle_session`` tells the server to end a session of which it has heard nothing for so many seconds (0, PostgreSQL's
own default: never). It bounds how long a lock outlives its holder, and makes a lease of it.

The session goes by the owner value (application_name), so that the server's own tables tell who holds the lock.

Sources: PostgreSQL manual, "Advisory Locks", "lock_timeout", "idle_session_timeout", "tcp_keepalives_idle".
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, Indeterminate, Lock, LockContext, LockEntry, LockError, Refused
from nuclei.locks.claims import CUT_BEYOND, HOLDER_KILLED, NO_FAULT, PAUSE_BEYOND, SERVER_KILLED, kept
from nuclei.locks.postgres_session import PostgresSession, advisory_key
from nuclei.locks.redis_lock import RECOVERY_MARGIN_NS, SECOND_NS
from nuclei.locks.redis_watchdog import Watchdog

KEEPALIVES = 3
"""How many go unanswered before a server gives its client up, as the cluster sets it."""
_LONGEST_LOOK = 0.1
"""Seconds between two looks at the connection at most: looking sends nothing."""


class PostgresAdvisory(Lock):
    """``_holding`` changes under the mutex that a session is used under, so that a loss is told of a hold or not."""

    writes_owner = True

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        around = context.surroundings
        primary = around.nodes["postgres"][0]
        self._session = PostgresSession(
            around.endpoints[primary], around.number("op_timeout", 0.5), idle=around.number("idle_session", 0.0)
        )
        self._number = advisory_key(context.key)
        self._mutex = threading.Lock()
        self._holding = False
        self._heartbeat = around.number("heartbeat", 0.5)
        self._asked = 0.0
        self._watchdog: Watchdog | None = None
        if self._heartbeat > 0:
            period = min(self._heartbeat, _LONGEST_LOOK)
            self._watchdog = Watchdog(self._still_there, period, self._tell)

    def connect(self) -> None:
        """Open the session."""
        with self._mutex:
            self._session.ready()

    def try_acquire(self, attempt: Attempt) -> Grant:
        """Ask once, waiting for nobody."""
        with self._mutex:
            self._named(attempt, 0.0)
            [[granted]] = self._session.ask("select pg_try_advisory_lock(:number)", number=self._number)
            if not granted:
                raise Refused("busy")
            return self._granted(attempt)

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """Wait in the server's own queue."""
        deadline = time.monotonic() + limit
        with self._mutex:
            self._named(attempt, limit)
            wait = deadline - time.monotonic()
            if wait <= 0:
                raise Refused(f"not granted within {limit} s: nothing was asked")
            self._session.ask("select pg_advisory_lock(:number)", wait=wait, number=self._number)
            return self._granted(attempt)

    def _named(self, attempt: Attempt, wait: float) -> None:
        """What goes by the attempt's name and waits so long holds nothing yet. Raises Refused, also for the holder: the
        server would let it in again, and count."""
        if self._holding:
            raise Refused("busy: held by this very session")
        names = "select set_config('application_name', :owner, false), set_config('lock_timeout', :limit, false)"
        try:
            self._session.ask(names, owner=attempt.owner, limit=f"{max(1, math.ceil(wait * 1000))}ms")
        except Indeterminate as error:
            raise Refused(f"the lock was not asked for: {error}") from error

    def _granted(self, attempt: Attempt) -> Grant:
        self._holding, self._asked = True, time.monotonic()
        if self._watchdog:
            self._watchdog.start()
        return Grant(owner=attempt.owner)

    def release(self) -> None:
        """Give it back in the session that has it; another one has nothing to give back."""
        with self._mutex:
            self._holding = False
            if self._watchdog:
                self._watchdog.stop()
            if not self._session.lives():
                raise Refused("not held: the session has ended, and the lock with it as soon as the server knows")
            [[freed]] = self._session.ask("select pg_advisory_unlock(:number)", number=self._number)
        if not freed:
            raise Refused("not held by this session")

    def close(self) -> None:
        """End the session; the server learns it from the closed connection."""
        if self._watchdog:
            self._watchdog.close()
        self._session.close()

    # ---- the watchdog's thread

    def _still_there(self) -> bool:
        """Whether the session lives: by a look at the connection, and now and then by a statement."""
        with self._mutex:
            if not self._holding:
                return True
            if not self._session.lives():
                return False
            if time.monotonic() - self._asked < self._heartbeat:
                return True
            try:
                self._session.ask("select 1")
            except LockError:
                return False
            self._asked = time.monotonic()
            return True

    def _tell(self) -> None:
        with self._mutex:
            held, self._holding = self._holding, False
        if held:
            self.context.on_lost("the session has ended, or does not answer")


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex in a session. How long that outlives a client that has gone silent: the server is told, or three
    keep-alives go unanswered. Refusals are spurious: a server out of reach refuses as well."""
    silence = float(settings.get("idle_session", 0)) or (1 + KEEPALIVES) * float(settings.get("keepalive", 1))
    session = int(silence * SECOND_NS)
    return Spec(session_ns=session, recovery_ns=session + RECOVERY_MARGIN_NS)


MANUAL = "https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS"

LOCK = LockEntry(
    name="postgres-advisory",
    summary="pg_advisory_lock in a session: no lease; its holder asks for a sign of life every heartbeat",
    clusters=("postgres",),
    make=PostgresAdvisory,
    spec=spec,
    defaults={"op_timeout": 0.5, "heartbeat": 0.5, "idle_session": 0.0},
    claims=(
        *kept("mutual-exclusion", MANUAL, NO_FAULT, PAUSE_BEYOND, HOLDER_KILLED, CUT_BEYOND, SERVER_KILLED),
        *kept("recovery", f"{MANUAL}: held until the session ends", HOLDER_KILLED),
    ),
)
