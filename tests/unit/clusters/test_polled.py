"""What an observer that polls writes of what it saw, and why it says something ended."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import cast

import pytest

from histories.rows import Role, Server
from histories.vocabulary import EndReason
from histories.write import PartWriter
from nuclei.clusters.console import NoAnswer
from nuclei.clusters.memcached_server import memcached_node
from nuclei.clusters.observers.memcached import MemcachedWatch
from nuclei.clusters.observers.polled import Held, Look, PolledNode
from nuclei.platforms.base import Platform


class Rows:
    """A writer that keeps what it is given."""

    def __init__(self) -> None:
        self.rows: list[Role | Server] = []

    def write(self, row: Role | Server) -> None:
        self.rows.append(row)


class Dead:
    """A platform whose nodes have all ended."""

    def state(self, node: str) -> str:
        return "exited"


class Scripted(PolledNode):
    """Sees what a test says, one look after the other, then stops."""

    def __init__(self, looks: Sequence[Look | None], rows: Rows) -> None:
        self._over = threading.Event()
        super().__init__(cast(Platform, Dead()), "n", "k", cast(PartWriter, rows), self._over)
        self._looks = list(looks)

    def look(self, timeout: float) -> Look:
        now = self._looks.pop(0)
        if not self._looks:
            self._over.set()
        if now is None:
            raise NoAnswer("silence")
        return now

    def reason(self, gone: Held, was: Look, now: Look) -> EndReason:
        return "deleted"

    def close(self) -> None: ...


def told(*looks: Look | None) -> list[tuple[str, str | None, str | None]]:
    rows = Rows()
    Scripted([*looks, looks[-1]], rows).work()
    return [
        (row.event, row.owner, row.reason) if isinstance(row, Server) else (row.role, row.was, row.evidence)
        for row in rows.rows
    ]


def look(owner: str | None = None, run: str = "1", role: str = "standalone") -> Look:
    return Look(role, run, {} if owner is None else {"k": Held(owner)})


def test_a_value_begins_and_ends_and_another_takes_its_place() -> None:
    assert told(look(), look("a"), look("b"), look()) == [
        ("standalone", None, "holds nothing"),
        ("began", "a", None),
        ("ended", "a", "deleted"),
        ("began", "b", None),
        ("ended", "b", "deleted"),
    ]


def test_a_new_process_without_the_value_is_a_restart() -> None:
    assert told(look("a"), look(run="2")) == [
        ("standalone", None, "holds owner=a"),
        ("began", "a", None),
        ("standalone", "standalone", "restarted; holds nothing"),
        ("ended", "a", "restart"),
    ]


def test_silence_is_blindness_and_a_dead_node_is_down() -> None:
    seen = told(look("a"), None, None, look("a", run="2"))
    assert [what for what, *_ in seen] == ["standalone", "began", "blind", "down", "seeing", "standalone"]


@pytest.mark.parametrize(
    ("grown", "reason"),
    [
        ("cmd_flush", "flushed"),
        ("evictions", "evicted"),
        ("delete_hits", "deleted"),
        ("cas_hits", "deleted"),
        ("", "expired"),
    ],
)
def test_why_an_item_of_memcached_went(grown: str, reason: str) -> None:
    node = memcached_node("memcached-1", 11211, memory=8, options="")
    watch = MemcachedWatch(cast(Platform, Dead()), node, "k", cast(PartWriter, Rows()), threading.Event())
    was = Look("standalone", "1", {"k": Held("a")}, {"delete_hits": 4})
    now = Look("standalone", "1", {}, {"delete_hits": 4} | ({grown: 5} if grown else {}))
    assert watch.reason(Held("a"), was, now) == reason
