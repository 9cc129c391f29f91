"""Where a process run is: blocks of addresses, directories, and what nodes call each other."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nuclei.platforms.base import NODE_HOME, NODE_LISTEN, NODE_SELF, HarnessError, Unsupported, node_host, node_via
from nuclei.platforms.ownership import labels
from nuclei.platforms.process import blocks, homes
from nuclei.platforms.process.blocks import MOST_NODES, Block
from nuclei.platforms.process.layout import Layout


@pytest.fixture
def block() -> Iterator[Block]:
    made = Block()
    yield made
    made.release()


def test_a_blocks_addresses_are_loopback_and_all_different(block: Block) -> None:
    found = [block.gates, *(pick(number) for number in range(MOST_NODES) for pick in (block.node, block.proxied))]
    assert len(set(found)) == 2 * MOST_NODES + 1
    prefix = str(block).removesuffix("0/24")
    assert all(address.startswith(prefix) for address in found)
    assert prefix.startswith("127.")
    assert not prefix.startswith("127.0.")  # others' servers are there
    assert all(1 <= int(address.rpartition(".")[2]) <= 254 for address in found)
    assert f"{prefix}253" not in found  # the claim's own


def test_a_block_has_room_for_so_many_nodes(block: Block) -> None:
    with pytest.raises(Unsupported, match="at most 120 nodes"):
        block.node(MOST_NODES)
    with pytest.raises(Unsupported, match="at most 120 nodes"):
        block.proxied(MOST_NODES)


def test_a_claimed_block_is_stepped_over_until_it_is_released(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    class Draw:
        """Draws the claimed block twice, then another one."""

        def __init__(self) -> None:
            second, third = (int(part) for part in str(block).split(".")[1:3])
            self.left = [second, third] * 2 + [second, (third + 1) % 256]

        def randint(self, low: int, high: int) -> int:
            return self.left.pop(0)

    monkeypatch.setattr(blocks.random, "SystemRandom", Draw)
    other = Block()
    other.release()
    assert str(other) != str(block)
    block.release()
    block.release()
    again = Block()
    again.release()
    assert str(again) == str(block)


def test_a_run_out_of_blocks_says_so(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    class Taken(socket.socket):
        def bind(self, address: object) -> None:
            raise OSError(98, "Address already in use")

    monkeypatch.setattr(blocks.socket, "socket", Taken)
    with pytest.raises(HarnessError, match="no block of loopback addresses could be claimed in 50 tries"):
        Block()
    assert "could be claimed" in (blocks.why_not() or "")


def test_elsewhere_than_on_linux_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert blocks.why_not() is None
    monkeypatch.setattr(blocks.sys, "platform", "darwin")
    assert "needs Linux" in (blocks.why_not() or "")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(homes.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_a_home_is_its_owners_alone_and_goes(root: Path) -> None:
    home = homes.make("a1")
    assert home.parent == root
    assert home.stat().st_mode & 0o777 == 0o700
    assert json.loads((home / "owner.json").read_text())["lockquake.pid"] == str(os.getpid())
    (home / "redis-1").mkdir()
    homes.remove(home)
    homes.remove(home)
    assert list(root.iterdir()) == []


def test_only_homes_of_dead_owners_are_swept(root: Path) -> None:
    ours, dead, strange = homes.make("ours"), homes.make("dead"), root / f"lockquake-{os.getuid()}-strange"
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    (dead / "owner.json").write_text(json.dumps({**labels("dead"), "lockquake.pid": ended.stdout.strip()}))
    strange.mkdir()
    (root / f"lockquake-{os.getuid() + 1}-other-user").mkdir()
    assert homes.dead() == [dead]
    assert homes.sweep() == [dead.name]
    assert ours.exists()
    assert strange.exists()
    assert homes.sweep() == []


def test_what_still_works_in_a_dead_home_is_ended_even_if_frozen(root: Path) -> None:
    dead = homes.make("dead")
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    (dead / "owner.json").write_text(json.dumps({**labels("dead"), "lockquake.pid": ended.stdout.strip()}))
    with subprocess.Popen(["sleep", "60"], cwd=dead) as left:
        left.send_signal(signal.SIGSTOP)
        assert homes.sweep() == [dead.name]
        assert left.wait(5) == -signal.SIGKILL


def test_a_home_that_cannot_be_made_names_the_remedy(root: Path) -> None:
    homes.make("a1")
    with pytest.raises(HarnessError, match=r"cannot make .*lockquake-.*-a1.*; set TMPDIR"):
        homes.make("a1")


def test_a_directory_that_configuration_files_cannot_name_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homes.tempfile, "gettempdir", lambda: "/some where/tmp")
    home = homes.make(f"test-{os.getpid()}")
    homes.remove(home)
    assert home.parent == Path("/tmp")


@pytest.mark.parametrize("named", [True, False], ids=["with names", "by address"])
def test_nodes_call_each_other_by_name_or_by_address(block: Block, named: bool) -> None:
    layout = Layout(block, Path("/home-of-run"), ["a", "b", "c"], named=named)
    at_b = layout.place("b")
    own = {name: block.node(number) for number, name in enumerate("abc")}
    assert at_b.fill(f"{NODE_HOME} {NODE_LISTEN} {NODE_SELF}") == f"/home-of-run/b {own['b']} {own['b']}"
    assert [at_b.fill(node_host(name)) for name in "abc"] == (["a", "b", "c"] if named else list(own.values()))
    around = block.proxied(1)
    expected = [around, own["b"], around] if named else list(own.values())
    assert [at_b.fill(node_via(name)) for name in "abc"] == expected


def test_every_source_finds_the_proxy_at_an_address_of_its_own(block: Block) -> None:
    addresses = Layout(block, Path("/home"), ["a", "b"], named=True).addresses()
    assert addresses.own == {"a": block.node(0), "b": block.node(1)}
    assert addresses.proxied == {"a": block.proxied(0), "b": block.proxied(1)}
    assert addresses.gates == block.gates


def test_a_port_that_somebody_has_everywhere_is_refused() -> None:
    block = Block()
    try:
        with socket.socket() as everywhere:
            everywhere.bind(("0.0.0.0", 0))
            everywhere.listen()
            port = everywhere.getsockname()[1]
            assert block.refuses(port) == "Address already in use"
        assert block.refuses(port) is None
    finally:
        block.release()
