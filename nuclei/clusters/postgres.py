"""PostgreSQL: a primary and a standby that streams from it, promoted by nobody but an operator.

The standby has the row locks (asynchronously), and never the session locks: those are the primary's memory.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer, Settings
from nuclei.clusters.clocks import Ahead
from nuclei.clusters.console import NoAnswer
from nuclei.clusters.postgres_conf import FIND_PROGRAMS, POSTGRES_PORT, TABLE, postgres_node
from nuclei.clusters.postgres_server import PostgresServer
from nuclei.clusters.probe import answers
from nuclei.clusters.redis_conf import LEDGER, ledger_node
from nuclei.clusters.redis_server import RedisServer
from nuclei.clusters.tended import TendedCluster, side_by_side
from nuclei.platforms.base import HarnessError, NodeSpec, Platform, Wiring, node_via

PRIMARY, STANDBY = "postgres-1", "postgres-2"
DEFAULTS: Settings = {"keepalive": 1.0, "postgres_conf": ""}
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
_CLEAN_SECONDS = 5.0
# Everybody but who asks; what a healed link delivers late finds its session gone.
_END_SESSIONS = (
    "select count(pg_terminate_backend(pid)) from pg_stat_activity "
    "where backend_type = 'client backend' and pid <> pg_backend_pid()"
)


class Postgres(TendedCluster):
    """``postgres-1``, its standby ``postgres-2`` and the ledger.

    Settings: ``keepalive`` (seconds between the questions of TCP whether a silent client is still there, the third one
    without an answer ends the session), ``postgres_conf`` (own lines).
    """

    name = "postgres"

    def __init__(self, platform: Platform, settings: Settings) -> None:
        super().__init__(platform, {**DEFAULTS, **settings})
        self.servers = {name: PostgresServer(platform, self.nodes[name]) for name in (PRIMARY, STANDBY)}
        self.ledger = RedisServer(platform, self.nodes[LEDGER])

    def describe(self) -> Sequence[NodeSpec]:
        return [self._server(PRIMARY, 1, None), self._server(STANDBY, 2, (PRIMARY, POSTGRES_PORT + 1)), ledger_node()]

    def _server(self, name: str, number: int, copies: tuple[str, int] | None) -> NodeSpec:
        return postgres_node(
            name,
            POSTGRES_PORT + number,
            copies=copies,
            keepalive=float(self.settings["keepalive"]),
            overlay=str(self.settings["postgres_conf"]),
        )

    def wiring(self, sites: Sequence[str]) -> Wiring:
        """Clients go to the primary alone; the standby goes to it as well."""
        peers = [(STANDBY, PRIMARY, self.nodes[PRIMARY].port)]
        return Wiring(nodes=list(self.nodes.values()), peers=peers, served=[PRIMARY, LEDGER], sites=sites)

    def ready(self, deadline: float = 60.0) -> str:
        """The primary serves, the standby streams from it, the ledger answers. A new database and its copy take 3 s, on
        a busy machine ten times that."""
        self.wait("a primary with a standby that streams from it", self._missing, deadline)
        self.ledger.remember()
        return f"{PRIMARY} serves, {STANDBY} streams from it"

    def serving(self, deadline: float = 30.0) -> str:
        """The primary serves: clients need no standby."""
        self.wait("a primary", lambda: None if self.primary() else f"{PRIMARY} does not answer", deadline)
        return f"{PRIMARY} serves"

    def _missing(self) -> str | None:
        roles = self.roles()
        if roles != {PRIMARY: "primary", STANDBY: "replica", LEDGER: "standalone"}:
            return f"the servers are {roles}"
        try:
            return None if self.servers[PRIMARY].streaming() == 1 else f"{STANDBY} does not stream"
        except NoAnswer as error:
            return str(error)

    def reset(self, key: str) -> str:
        """Dead servers started with what they kept, all clients' sessions ended, no rows of locks."""
        dead = self.revive()
        side_by_side(dead, lambda name: self.platform.start_node(name, pristine=name == LEDGER))
        proof = self.ready()
        deadline = time.monotonic() + _CLEAN_SECONDS
        while left := self._left():
            if time.monotonic() > deadline:
                raise HarnessError(f"{PRIMARY} still has {left} {_CLEAN_SECONDS:g} s after all sessions were ended")
            time.sleep(0.02)
        self.ledger.wipe()
        restarted = f", {', '.join(dead)} started again" if dead else ""
        return f"{proof}{restarted}; no sessions, no locks"

    def _left(self) -> str:
        """End and empty what there is; what is still left then."""
        try:
            ended, locks, rows = (
                int(self.servers[PRIMARY].ask(sql)[0][0])
                for sql in (
                    _END_SESSIONS,
                    "select count(*) from pg_locks where locktype = 'advisory'",
                    f"with gone as (delete from {TABLE} returning 1) select count(*) from gone",
                )
            )
        except NoAnswer as error:
            return str(error)
        return f"{ended} sessions, {locks} advisory locks, {rows} rows" if ended or locks or rows else ""

    def roles(self) -> dict[str, str]:
        said = side_by_side(self.servers, lambda name: self.servers[name].role())
        return {**said, LEDGER: "standalone" if self.ledger.role() == "master" else "down"}

    def primary(self) -> str | None:
        return PRIMARY if self.servers[PRIMARY].role() == "primary" else None

    def clock_ahead(self, node: str) -> Ahead:
        """By clock_timestamp()."""
        return self.ledger.clock_ahead() if node == LEDGER else self.servers[node].clock_ahead()

    def versions(self) -> dict[str, str]:
        found = {"postgresql": self.servers[PRIMARY].version(), "redis-server": self.ledger.version()}
        return {name: version for name, version in found.items() if version}

    def observer(self, key: str, writer: PartWriter) -> Observer:
        from nuclei.clusters.observers.polled import PollingObserver
        from nuclei.clusters.observers.postgres import PostgresWatch

        nodes = [self.nodes[name] for name in self.servers]
        return PollingObserver(lambda stop: [PostgresWatch(self.platform, node, key, writer, stop) for node in nodes])

    def ping(self, site: str, node: str, timeout: float = 0.3) -> bool:
        """Whether it answers a client that asks for encryption: with a no."""
        if node == LEDGER:
            return self.ledger.ping(site, timeout)
        return answers(self.platform.endpoint(site, node), _SSL_REQUEST, b"N", timeout)

    def peer_ping(self, source: str, target: str, timeout: float = 0.5) -> bool:
        asking = f"{FIND_PROGRAMS}; exec pg_isready -q -t 1 -h {node_via(target)} -p {self.nodes[target].port}"
        argv = ["timeout", "-s", "KILL", f"{timeout:g}", "/bin/sh", "-c", asking]
        try:
            return self.platform.run(source, argv, timeout + 3.0).code == 0
        except HarnessError:
            return False


CLUSTER = ClusterEntry(
    name="postgres",
    summary="PostgreSQL primary and streaming standby, promoted by nobody",
    make=Postgres,
    images=("postgres", "redis"),
    defaults=DEFAULTS,
    no_failover="nobody promotes the standby of postgres yet: it streams, and is observed",
)
