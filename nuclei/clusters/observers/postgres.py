"""The observer of PostgreSQL: who has the advisory lock, and what the row of the lock says."""

from __future__ import annotations

import threading

from histories.vocabulary import EndReason
from histories.write import PartWriter
from nuclei.clusters.observers.polled import Held, Look, PolledNode
from nuclei.clusters.postgres_conf import TABLE
from nuclei.clusters.postgres_server import PostgresServer
from nuclei.locks.postgres_session import advisory_key
from nuclei.platforms.base import NodeSpec, Platform

# A 64-bit advisory lock is kept in two halves. Who has it is told by the name that its session goes by.
_LOOK = """
select 'role', pg_is_in_recovery()::text, '', '', ''
union all select 'session', pid::text, '', '', '' from pg_stat_activity where backend_type = 'client backend'
union all select 'advisory', a.application_name, a.pid::text, '', '' from pg_locks l join pg_stat_activity a using (pid)
  where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.classid = {upper} and l.objid = {lower}
union all select 'row', owner, fence::text, round(extract(epoch from expires) * 1000)::bigint::text,
  round(extract(epoch from clock_timestamp()) * 1000)::bigint::text from {table} where name = '{key}'
"""


class PostgresWatch(PolledNode):
    """Watches the lock ``key`` on one server, of whichever kind it is."""

    def __init__(self, platform: Platform, node: NodeSpec, key: str, writer: PartWriter, stop: threading.Event) -> None:
        super().__init__(platform, node.name, key, writer, stop)
        self._asked = PostgresServer(platform, node)
        number = advisory_key(key) & 0xFFFFFFFFFFFFFFFF
        sql = _LOOK.format(upper=number >> 32, lower=number & 0xFFFFFFFF, table=TABLE, key=key)
        self._sql = " ".join(sql.split())

    def look(self, timeout: float) -> Look:
        role, held, counts, sessions = "primary", {}, {}, set()
        for kind, first, second, third, fourth in self._asked.ask(self._sql, timeout):
            if kind == "role":
                role = "replica" if first == "true" else "primary"
            elif kind == "session":
                sessions.add(first)
            elif kind == "advisory":
                held[self._key] = Held(first or None, session=second)
            elif first:
                counts = {"expires": int(third), "now": int(fourth)}
                if int(fourth) < int(third):
                    held[self._key] = Held(first, fence=int(second))
        return Look(role, self._asked.run, held, counts, frozenset(sessions))

    def reason(self, gone: Held, was: Look, now: Look) -> EndReason:
        """A session's lock: given back while the session lives. A row's: given back before its time was up."""
        if gone.session is not None:
            return "deleted" if gone.session in now.sessions else "session-end"
        time_was_up = now.counts.get("now", 0) >= was.counts.get("expires", 0) > 0
        return "expired" if time_was_up else "deleted"

    def reason_of_restart(self, gone: Held, was: Look, now: Look) -> EndReason:
        """Sessions end with their server; rows do not."""
        return "session-end" if gone.session is not None else self.reason(gone, was, now)

    def close(self) -> None:
        self._asked.close()
