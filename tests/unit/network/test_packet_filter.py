"""Direct links on a shell that remembers: what it is told, and what becomes of one that does not answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from nuclei.network.control import ProxyControl, ProxyControlError
from nuclei.network.links import Link, Links
from nuclei.network.packets import DirectLink, PacketFilter
from nuclei.platforms.base import Pipe


class Shell(Pipe):
    """A shell in one node; ``answers`` come one after the other, None for none, EOFError where it has ended."""

    def __init__(self, answers: list[str | type[EOFError] | None]) -> None:
        self.told: list[str] = []
        self.answers = answers
        self.closed = False

    def send(self, line: str) -> None:
        self.told.append(line)

    def receive(self, timeout: float) -> str | None:
        answer = self.answers.pop(0) if self.answers else "0"
        if answer is EOFError:
            raise EOFError("it has ended")
        return cast("str | None", answer)

    def close(self) -> None:
        self.closed = True


class Nodes:
    """The shells that were opened, by node."""

    def __init__(self) -> None:
        self.shells: dict[str, list[Shell]] = {}
        self.answers: list[Any] = []
        self.dead: set[str] = set()

    def open(self, node: str, argv: Sequence[str]) -> Pipe:
        shell = Shell(self.answers)
        self.shells.setdefault(node, []).append(shell)
        return shell

    def told(self, node: str) -> list[str]:
        return [line for shell in self.shells.get(node, []) for line in shell.told]


class FakeControl:
    """A proxy server that only says which proxies it was to have."""

    def populate(self, specs: Any) -> Any:
        return {spec.name: spec for spec in specs}

    def add_toxic(self, proxy: str, toxic: Any) -> None:
        assert proxy == "c1>a"

    def remove_toxic(self, proxy: str, name: str) -> bool:
        assert proxy == "c1>a"
        return False


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


@pytest.fixture
def links(nodes: Nodes) -> Iterator[Links]:
    direct = [DirectLink("a", "b", "", "10.0.0.2:1", (1, 11)), DirectLink("b", "a", "", "10.0.0.1:2", (2, 12))]
    packets = PacketFilter(nodes.open, lambda node: node not in nodes.dead)
    links = Links(cast(ProxyControl, FakeControl()), [Link("c1", "a", "l:1", "10.0.0.1:2")], direct, packets)
    yield links
    links.close()


def test_a_direct_link_is_cut_at_its_source_and_restored(links: Links, nodes: Nodes) -> None:
    assert links.names() == ["c1>a", "a>b", "b>a"]
    assert list(links.establish()) == ["c1>a"]
    links.cut(["c1>a", "a>b"])
    assert nodes.told("a") == ["drop 10.0.0.2 1,11"]
    assert links.cut_now() == {"c1>a": "black-hole", "a>b": "black-hole"}
    links.restore_all()
    assert nodes.told("a") == ["drop 10.0.0.2 1,11", "let 10.0.0.2 1,11"]
    assert nodes.told("b") == []
    assert links.cut_now() == {}


@pytest.mark.parametrize(("how", "streams"), [("close", "both"), ("black-hole", "requests"), ("stall", "replies")])
def test_what_packets_cannot_imitate_is_refused(links: Links, nodes: Nodes, how: Any, streams: Any) -> None:
    with pytest.raises(ProxyControlError, match="No proxy stands in a>b"):
        links.cut(["a>b"], how, streams)
    assert links.cut_now() == {}
    assert nodes.shells == {}


def test_a_node_that_has_ended_has_lost_its_rules(links: Links, nodes: Nodes) -> None:
    links.cut(["a>b", "b>a"])
    nodes.dead.add("a")
    assert links.restore_all() == []
    assert [line.split()[0] for line in nodes.told("a")] == ["drop"]
    assert [line.split()[0] for line in nodes.told("b")] == ["drop", "let"]


def test_the_shell_of_an_earlier_run_is_replaced(links: Links, nodes: Nodes) -> None:
    nodes.answers = ["0", EOFError, "0"]
    links.cut(["a>b"])
    links.restore(["a>b"])
    first, second = nodes.shells["a"]
    assert first.closed
    assert second.told == ["let 10.0.0.2 1,11"]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (["1 iptables: Permission denied"], "did not drop the packets of a>b: iptables: Permission denied"),
        ([None], "no answer within 5 s"),
        ([EOFError, EOFError], "in a cannot be reached: it has ended"),
    ],
)
def test_a_filter_that_does_not_do_it_is_named(links: Links, nodes: Nodes, answers: list[Any], words: str) -> None:
    nodes.answers = answers
    with pytest.raises(ProxyControlError, match=words):
        links.cut(["a>b"])
