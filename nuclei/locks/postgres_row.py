"""``postgres-row``: one row per lock with an owner and the time until which it is taken, changed under a condition.

A row lock proper (``SELECT … FOR UPDATE``) lasts as long as a transaction, which nobody wants to keep open for a job.
What people use is a table of owners and expiries: ShedLock's ``shedlock``, Spring Integration's ``INT_LOCK``. One
statement takes it: it inserts the row, or, where the time is up by the *server's* clock, makes it one's own. Every
change of owner raises a counter, which is the fencing token.

Unlike a session's lock it is data: it outlives a server that is killed, it is replicated (asynchronously), and it lasts
as long as its lease, whatever becomes of its holder.

Sources: ShedLock's README ("Insert row, update where lock_until <= now"); PostgreSQL manual, "INSERT … ON CONFLICT".
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, LockContext, LockEntry
from nuclei.locks.claims import HOLDER_KILLED, NO_FAULT, PAUSE_BEYOND, PAUSE_WITHIN, SERVER_KILLED, kept, lost
from nuclei.locks.postgres_session import PostgresSession
from nuclei.locks.redis_lock import RECOVERY_MARGIN_NS, TIMES, KeyLock, lease_ns

TABLE = "lockquake_locks"

_TAKE = f"""
insert into {TABLE} as held (name, owner, expires, fence)
values (:name, :owner, clock_timestamp() + cast(:lease as interval), 1)
on conflict (name) do update set owner = excluded.owner, expires = excluded.expires, fence = held.fence + 1
where held.expires <= clock_timestamp()
returning fence
"""
_FREE = f"""
update {TABLE} set expires = clock_timestamp()
where name = :name and owner = :owner and expires > clock_timestamp()
returning fence
"""


class PostgresRow(KeyLock):
    """The row holds the owner value of the attempt that took it; given back, its time is up at once."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        around = context.surroundings
        primary = around.nodes["postgres"][0]
        self._session = PostgresSession(around.endpoints[primary], around.number("op_timeout", 0.5))

    def reach(self) -> None:
        """Have a session."""
        self._session.ready()

    def take(self, attempt: Attempt) -> Grant | None:
        """One statement; the lease runs from before it was sent."""
        sent = time.monotonic_ns()
        lease = f"{self.ttl_ns // 1_000_000} milliseconds"
        rows = self._session.ask(_TAKE, name=self.key, owner=attempt.owner, lease=lease)
        if not rows:
            return None
        return Grant(owner=attempt.owner, fence=int(rows[0][0]), lease_until=sent + self.ttl_ns)

    def give_back(self, attempt: Attempt | None) -> bool:
        """End its time if it is still this attempt's."""
        if attempt is None:
            return False
        return bool(self._session.ask(_FREE, name=self.key, owner=attempt.owner))

    def close(self) -> None:
        """Drop the connection."""
        self._session.close()


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease, fenced. Refusals are spurious: see ``redis-setnx``."""
    lease = lease_ns(settings)
    return Spec(lease_ns=lease, fenced=True, recovery_ns=lease + RECOVERY_MARGIN_NS)


SHEDLOCK = "https://github.com/lukas-krecan/ShedLock#readme"
DURABLE = "https://www.postgresql.org/docs/current/wal-intro.html"

LOCK = LockEntry(
    name="postgres-row",
    summary="a row with an owner and an expiry by the server's clock, as ShedLock has it; fencing token = a counter",
    clusters=("postgres",),
    make=PostgresRow,
    spec=spec,
    defaults={"ttl": 2.0, **TIMES},
    claims=(
        *kept("mutual-exclusion", SHEDLOCK, NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED),
        *kept("mutual-exclusion", f"{DURABLE}: what was committed survives", SERVER_KILLED),
        *kept("recovery", f"{SHEDLOCK}: lockAtMostFor", HOLDER_KILLED),
        *lost("mutual-exclusion", f"{SHEDLOCK}: lockAtMostFor", PAUSE_BEYOND, kind="overstay", cause="lease-ran-out"),
        *kept("lease", SHEDLOCK, PAUSE_BEYOND),
        *kept("fencing-at-ledger", "the ledger rejects older tokens", PAUSE_BEYOND),
    ),
)
