"""The fault ``partition`` with ``side=client`` on a fake cluster: who is cut from whom, and put back."""

from __future__ import annotations

from typing import Any, cast

import pytest

from faults.arena import Arena
from faults.grammar import BadArgument
from faults.partition import Partition
from faults.schedule import read_fault
from lockquake.plan import build

SERVERS = ["redis-1", "redis-2", "redis-3"]
LINKS = [f"c{client}>{server}" for client in (1, 2) for server in (*SERVERS, "ledger")]


class FakeCluster:
    """Links of two clients, and which of them are cut."""

    name = "fake"

    def __init__(self) -> None:
        self.platform = self.links = self
        self.off: set[str] = set()

    def names(self, source: str) -> list[str]:
        return [name for name in LINKS if name.startswith(f"{source}>")]

    def cut(self, names: list[str], how: str) -> None:
        self.off |= set(names)

    def restore(self, names: list[str]) -> None:
        self.off -= set(names)

    def ready(self) -> str:
        return "ready"


class FakeArena:
    lapse: float | None = 4.0
    clients: dict[str, Any] = {"c1": None, "c2": None}
    sites = {"c1": "c1", "c2": "c2"}

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster

    def served(self) -> list[str]:
        return SERVERS

    def prove(self, links: list[str], *, carry: bool, within: float = 5.0) -> str:
        assert all((link in self.cluster.off) != carry for link in links)
        return f"{len(links)} links"


def partition(text: str) -> tuple[Partition, FakeCluster]:
    cluster = FakeCluster()
    return Partition(read_fault(text), cast(Arena, FakeArena(cluster))), cluster


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("partition:side=client", {"c2>redis-1", "c2>redis-2", "c2>redis-3"}),
        ("partition:side=client,from=all,ledger=cut", {"c2>redis-1", "c2>redis-2", "c2>redis-3", "c2>ledger"}),
        ("partition:side=client,from=redis-2+redis-3", {"c2>redis-2", "c2>redis-3"}),
        ("partition:side=client,from=redis-3,ledger=cut", {"c2>redis-3", "c2>ledger"}),
        ("partition:side=client,from=ledger,how=stall", {"c2>ledger"}),
        ("partition:side=client,target=c1,from=redis-1", {"c1>redis-1"}),
    ],
)
def test_a_client_is_cut_from_all_servers_or_some(text: str, cut: set[str]) -> None:
    fault, cluster = partition(text)
    assert fault.inject("c2") == f"{len(cut)} links"
    assert cluster.off == cut
    assert fault.targets == [next(iter(cut))[:2]]
    fault.heal()
    assert cluster.off == set()


def test_without_a_trigger_the_first_client_is_cut() -> None:
    fault, cluster = partition("partition:side=client,from=redis-1")
    fault.inject(None)
    assert cluster.off == {"c1>redis-1"}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("partition:from=redis-1", "give side=client as well"),
        ("partition:side=primary,target=c1", "give side=client as well"),
        ("partition:side=client,from=redis-1+redis-9", "no such node: 'redis-9' .*redis-1"),
        ("partition:side=client,from=redis-1+", "no such node: ''"),
        ("partition:side=client,from=redis-1+ledger", "no such node: 'ledger' .it may be all, ledger, or redis-1"),
        ("partition:side=client,target=c9", "no such client"),
        ("partition:with=some", "is a number"),
        ("partition:side=client,with=1", "has no servers with it"),
        ("partition:with=1", "of 1 servers at least one must be left"),
    ],
)
def test_whom_and_from_whom_is_checked_beforehand(fault: str, words: str) -> None:
    with pytest.raises(BadArgument, match=words):
        build("redis-set-nx-px@redis-single", faults=[fault])
