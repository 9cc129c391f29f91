"""Subnets and ports are handed out once each, from anywhere in their range, and run out with a remedy."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import cast

import pytest

from nuclei.platforms.base import HarnessError, Platform
from nuclei.platforms.docker.addresses import NEEDED_PORTS, NEEDED_SUBNETS, Ports, Subnets, host_routes
from nuclei.platforms.docker.freezer import frozen
from nuclei.platforms.image_recipes import DEFAULT_IMAGES
from nuclei.platforms.wires import gates
from nuclei.registry import clusters


def test_subnets_cover_the_block_once_and_then_name_the_variable() -> None:
    subnets = Subnets("10.9.0.0/26", routes=[])
    taken = [subnets.take().network for _ in range(8)]
    assert sorted(taken) == list(ipaddress.IPv4Network("10.9.0.0/26").subnets(new_prefix=29))
    with pytest.raises(HarnessError, match="LOCKQUAKE_SUBNETS"):
        subnets.take()


def test_addresses_within_a_subnet_differ() -> None:
    subnet = Subnets("10.9.0.0/29", routes=[]).take()
    assert (subnet.gateway, subnet.proxy, subnet.node) == ("10.9.0.1", "10.9.0.2", "10.9.0.3")


def test_a_subnet_for_several_nodes_is_two_that_lie_side_by_side() -> None:
    subnets = Subnets("10.9.0.0/26", routes=[])
    wide = subnets.take(nodes=6)
    assert wide.network.prefixlen == 28
    assert [str(wide.network[number]) for number in (1, 2, 3, 8)] == [
        wide.gateway,
        wide.proxy,
        wide.node,
        wide.place(5),
    ]
    others = [subnets.take().network for _ in range(4)]
    assert not any(wide.network.overlaps(other) for other in others)


def test_subnets_the_host_has_routes_to_are_left_out() -> None:
    routes = [ipaddress.IPv4Network("10.9.0.0/27"), ipaddress.IPv4Network("192.168.0.0/16")]
    subnets = Subnets("10.9.0.0/26", routes=routes)
    assert {str(subnets.take().network) for _ in range(4)} == {f"10.9.0.{n}/29" for n in (32, 40, 48, 56)}


@pytest.mark.parametrize(
    ("block", "words"),
    [("10.9.0.0/30", "too small: it has 0 subnets"), ("ten", "no block of IPv4"), ("10.9.0.1/16", "no block of IPv4")],
)
def test_a_bad_block_is_named(block: str, words: str) -> None:
    with pytest.raises(HarnessError, match="LOCKQUAKE_SUBNETS") as refused:
        Subnets(block, routes=[])
    assert words in str(refused.value)
    assert "shift" not in str(refused.value)


def test_a_small_block_is_no_reason_to_remove_networks_and_a_large_one_is() -> None:
    for block, small in (("10.9.0.0/29", True), ("10.9.0.0/23", False)):
        subnets = Subnets(block, routes=[ipaddress.IPv4Network(block)])
        with pytest.raises(HarnessError) as refused:
            subnets.take()
        assert ("too small" in str(refused.value)) is small
        assert ("prune" in str(refused.value)) is not small
        assert (subnets.too_small() is None) is not small


def test_a_small_range_of_ports_is_not_blamed_on_others() -> None:
    for span, small in (("21000-21009", True), ("21000-21199", False)):
        ports = Ports(span)
        with pytest.raises(HarnessError) as refused:
            ports.take(210)
        assert ("is too small" in str(refused.value)) is small
        assert ("programs" in str(refused.value)) is not small


def test_what_is_needed_is_what_all_clusters_side_by_side_take() -> None:
    """All whose images set-up brings."""
    wirings = [
        entry.make(cast(Platform, None), entry.defaults).wiring(["c1", "c2", "c3", "runner"])
        for entry in clusters().values()
        if set(entry.images) <= set(DEFAULT_IMAGES)
    ]
    assert sum(len(wiring.nodes) + 1 for wiring in wirings) == NEEDED_SUBNETS
    assert sum(len(gates(wiring)) + 1 for wiring in wirings) == NEEDED_PORTS


def test_ports_are_handed_out_once_each() -> None:
    ports = Ports("21000-21009")
    assert sorted(ports.take(4) + ports.take(6)) == list(range(21000, 21010))
    with pytest.raises(HarnessError, match="LOCKQUAKE_PORTS"):
        ports.take(1)


@pytest.mark.parametrize("span", ["", "21000", "5-4", "0-10", "60000-70000", "a-b"])
def test_a_bad_range_is_named(span: str) -> None:
    with pytest.raises(HarnessError, match="LOCKQUAKE_PORTS"):
        Ports(span or "x")


def test_routes_are_read_from_the_kernels_table(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
        "eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\n"
        "eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\n",
        encoding="ascii",
    )
    assert host_routes(table) == [ipaddress.IPv4Network("192.168.0.0/16")]
    assert host_routes(tmp_path / "none") == []


@pytest.mark.parametrize(("text", "is_frozen"), [("FROZEN\n", True), ("THAWED\n", False)])
def test_a_v1_freezer_is_read(tmp_path: Path, text: str, is_frozen: bool) -> None:
    cgroup(tmp_path, "5:freezer:/docker/abc\n0::/\n", "freezer/docker/abc/freezer.state", text)
    assert frozen(7, tmp_path, tmp_path) is is_frozen


@pytest.mark.parametrize(("text", "is_frozen"), [("populated 1\nfrozen 1\n", True), ("populated 1\nfrozen 0\n", False)])
def test_a_v2_freezer_is_read(tmp_path: Path, text: str, is_frozen: bool) -> None:
    cgroup(tmp_path, "0::/system.slice/docker-abc.scope\n", "system.slice/docker-abc.scope/cgroup.events", text)
    assert frozen(7, tmp_path, tmp_path) is is_frozen


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert frozen(7, tmp_path, tmp_path) is None
    cgroup(tmp_path, "0::/gone\n", "elsewhere/cgroup.events", "frozen 1\n")
    assert frozen(7, tmp_path, tmp_path) is None


def cgroup(root: Path, memberships: str, file: str, text: str) -> None:
    (root / "7").mkdir(exist_ok=True)
    (root / "7/cgroup").write_text(memberships, encoding="ascii")
    (root / file).parent.mkdir(parents=True)
    (root / file).write_text(text, encoding="ascii")
