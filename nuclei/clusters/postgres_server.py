"""A PostgreSQL server asked beside it, through one long-lived psql."""

from __future__ import annotations

from nuclei.clusters.clocks import Ahead, compare
from nuclei.clusters.console import NoAnswer
from nuclei.clusters.line_loop import RUN, LineLoop
from nuclei.clusters.postgres_conf import FIND_PROGRAMS
from nuclei.platforms.base import HarnessError, NodeSpec, Platform

# psql ends with its connection; what feeds it must end then as well.
_LOOP = rf"""{RUN}
{FIND_PROGRAMS}
export PGCONNECT_TIMEOUT=2
while read -r number request; do printf '%s;\n\\echo end %s\n' "$request" "$number"; done |
    {{ psql -X -q -A -t -w -h "$host" -p "$port" -U postgres postgres 2>&1; kill $$; }}
"""
_ERRORS = ("ERROR:", "FATAL:", "psql:")
_ROLES = {"f": "primary", "t": "replica"}

Row = list[str]


class PostgresServer:
    """The server of ``node``; nothing of it crosses a proxy. Thread-safe."""

    def __init__(self, platform: Platform, node: NodeSpec) -> None:
        self.name = node.name
        self._loop = LineLoop(platform, node.name, node.port, _LOOP)

    @property
    def run(self) -> str:
        """When the process began that gave the latest answer."""
        return self._loop.run

    def ask(self, sql: str, timeout: float = 1.0) -> list[Row]:
        """The rows of one query in one line, as text. Raises NoAnswer, also for an error of the server's."""
        lines = self._loop.ask(sql, timeout)
        if failed := [line for line in lines if line.startswith(_ERRORS)]:
            raise NoAnswer(f"{self.name} says {failed[0]}")
        return [line.split("|") for line in lines if line]

    def role(self) -> str:
        """``primary``, ``replica``, or ``down`` where it does not answer."""
        try:
            return _ROLES[self.ask("select pg_is_in_recovery()")[0][0]]
        except (NoAnswer, IndexError):
            return "down"

    def streaming(self) -> int:
        """How many standbys stream from it now. Raises NoAnswer."""
        return int(self.ask("select count(*) from pg_stat_replication where state = 'streaming'")[0][0])

    def clock_ahead(self) -> Ahead:
        """How far its wall clock is ahead of ours. Raises HarnessError."""
        try:
            return compare(lambda: float(self.ask("select extract(epoch from clock_timestamp())")[0][0]))
        except NoAnswer as error:
            raise HarnessError(f"{self.name} does not say what time it is: {error}") from error

    def version(self) -> str | None:
        """The server's version, None when it does not answer."""
        try:
            return self.ask("show server_version")[0][0].split()[0]
        except (NoAnswer, IndexError):
            return None

    def close(self) -> None:
        """End what runs beside the server."""
        self._loop.close()
