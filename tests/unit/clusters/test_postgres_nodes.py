"""How PostgreSQL nodes are started, and what their observer makes of what they say."""

from __future__ import annotations

import subprocess
import threading
from typing import cast

import pytest

from faults.failover import Failover
from histories.vocabulary import EndReason
from histories.write import PartWriter
from nuclei.clusters.observers.polled import Held, Look
from nuclei.clusters.observers.postgres import PostgresWatch
from nuclei.clusters.postgres import CLUSTER
from nuclei.clusters.postgres_conf import TABLE, postgres_node
from nuclei.locks import postgres_row
from nuclei.locks.postgres_session import advisory_key
from nuclei.platforms.base import Place, Platform

PLACE = Place("/h", "127.0.0.9", "127.0.0.9", hosts={"postgres-1": "postgres-1"}, vias={})
PRIMARY = postgres_node("postgres-1", 5431, copies=None, keepalive=1, overlay="work_mem = 8MB")
STANDBY = postgres_node("postgres-2", 5432, copies=("postgres-1", 5431), keepalive=1, overlay="")


def launcher(node: object) -> str:
    return PLACE.settle(node).files["/h/postgres.sh"]  # type: ignore[arg-type]


def test_a_primary_makes_its_database_and_a_standby_copies_it() -> None:
    assert "initdb -D /h/data" in launcher(PRIMARY)
    assert f"create table {TABLE} (name text primary key" in launcher(PRIMARY)
    assert "pg_basebackup -h postgres-1 -p 5431" in launcher(STANDBY)
    assert "initdb" not in launcher(STANDBY)
    conf = PLACE.settle(PRIMARY).files["/h/postgresql.conf"]
    assert "listen_addresses = '127.0.0.9'\nport = 5431\n" in conf
    assert conf.endswith("work_mem = 8MB\n")
    assert postgres_row.TABLE == TABLE


@pytest.mark.parametrize("node", [PRIMARY, STANDBY])
def test_the_launchers_are_valid_shell(node: object) -> None:
    subprocess.run(["sh", "-n"], input=launcher(node), text=True, check=True)


def test_an_advisory_lock_has_the_same_number_everywhere() -> None:
    assert advisory_key("lockquake:lock") == advisory_key("lockquake:lock") != advisory_key("another")
    assert -(2**63) <= advisory_key("x") < 2**63


class Says:
    """A server that says the same again and again."""

    run = "7"

    def __init__(self, rows: list[list[str]]) -> None:
        self.rows = rows

    def ask(self, sql: str, timeout: float) -> list[list[str]]:
        return self.rows


def watch(*rows: list[str]) -> PostgresWatch:
    made = PostgresWatch(cast(Platform, None), PRIMARY, "k", cast(PartWriter, None), threading.Event())
    made._asked = Says(list(rows))  # type: ignore[assignment]
    return made


def test_who_has_the_advisory_lock_is_the_name_of_its_session() -> None:
    seen = watch(["role", "false", "", "", ""], ["session", "41", "", "", ""], ["advisory", "o1", "41", "", ""]).look(1)
    assert (seen.role, seen.held, seen.sessions) == ("primary", {"k": Held("o1", session="41")}, frozenset({"41"}))
    assert watch(["role", "true", "", "", ""]).look(1).role == "replica"


def test_a_row_holds_until_its_time_is_up() -> None:
    row = ["row", "o1", "5", "2000"]
    assert watch(["role", "false", "", "", ""], [*row, "1999"]).look(1).held == {"k": Held("o1", fence=5)}
    assert watch(["role", "false", "", "", ""], [*row, "2000"]).look(1).held == {}


@pytest.mark.parametrize(
    ("gone", "sessions", "now", "reason", "restarted"),
    [
        (Held("o", session="41"), {"41"}, 0, "deleted", "session-end"),
        (Held("o", session="41"), set(), 0, "session-end", "session-end"),
        (Held("o", fence=1), set(), 1500, "deleted", "deleted"),
        (Held("o", fence=1), set(), 2500, "expired", "expired"),
    ],
)
def test_why_a_lock_ended(gone: Held, sessions: set[str], now: int, reason: EndReason, restarted: EndReason) -> None:
    was = Look("primary", "7", {"k": gone}, {"expires": 2000, "now": 1000}, frozenset({"41"}))
    then = Look("primary", "7", {}, {"expires": 2000, "now": now}, frozenset(sessions))
    assert watch().reason(gone, was, then) == reason
    assert watch().reason_of_restart(gone, was, then) == restarted


def test_why_there_is_no_failover_is_said() -> None:
    assert Failover.impossible_on(CLUSTER) == CLUSTER.no_failover
    assert "nobody promotes the standby" in CLUSTER.no_failover
