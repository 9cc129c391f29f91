"""Links on a control that remembers: which toxics stand behind an effect, and that no failure stops half-way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from nuclei.network.control import AlreadyThere, ProxyControl, ProxyControlError, Toxic
from nuclei.network.links import Link, Links


class FakeControl:
    """A control without a server. Names in ``broken`` fail, names in ``hanging`` are made anew by a removal."""

    def __init__(self) -> None:
        self.toxics: dict[str, dict[str, Toxic]] = {}
        self.disabled: set[str] = set()
        self.broken: set[str] = set()
        self.hanging: set[str] = set()
        self.removed: list[str] = []
        self.redirected: dict[str, str] = {}

    def _check(self, proxy: str) -> None:
        if proxy in self.broken:
            raise ProxyControlError(f"{proxy} is broken")

    def populate(self, specs: Any) -> Any:
        return {spec.name: spec for spec in specs}

    def add_toxic(self, proxy: str, toxic: Toxic) -> None:
        self._check(proxy)
        toxics = self.toxics.setdefault(proxy, {})
        if toxic.name in toxics:
            raise AlreadyThere(toxic.name)
        toxics[toxic.name] = toxic

    def remove_toxic(self, proxy: str, name: str) -> bool:
        self._check(proxy)
        self.removed.append(name)
        self.toxics.get(proxy, {}).pop(name, None)
        return proxy in self.hanging

    def disable(self, proxy: str) -> None:
        self._check(proxy)
        self.disabled.add(proxy)

    def enable(self, proxy: str) -> None:
        self._check(proxy)
        self.disabled.discard(proxy)

    def redirect(self, proxy: str, upstream: str) -> None:
        self._check(proxy)
        self.redirected[proxy] = upstream


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
def links(control: FakeControl) -> Iterator[Links]:
    pairs = [("s1", "n1"), ("s1", "n2"), ("s2", "n1"), ("n1", "n2")]
    made = [Link(source, target, f"{source}:1", f"{target}:1") for source, target in pairs]
    links = Links(cast(ProxyControl, control), made)
    yield links
    links.close()


def in_force(control: FakeControl) -> dict[str, set[tuple[str, str]]]:
    return {name: {(t.type, t.stream) for t in toxics.values()} for name, toxics in control.toxics.items() if toxics}


BOTH = ("upstream", "downstream")


def test_names_by_source_and_target(links: Links) -> None:
    assert links.names() == ["s1>n1", "s1>n2", "s2>n1", "n1>n2"]
    assert links.names(source="s1") == ["s1>n1", "s1>n2"]
    assert links.names(target="n1") == ["s1>n1", "s2>n1"]
    assert links.names("n1", "n2") == ["n1>n2"]
    assert links.names("nobody") == []


@pytest.mark.parametrize(("how", "kind"), [("black-hole", "timeout"), ("stall", "bandwidth")])
@pytest.mark.parametrize(("streams", "directions"), [("both", BOTH), ("requests", BOTH[:1]), ("replies", BOTH[1:])])
def test_what_stands_behind_an_effect(
    links: Links, control: FakeControl, how: Any, kind: str, streams: Any, directions: tuple[str, ...]
) -> None:
    links.cut(["s1>n1"], how, streams)
    expected = {(type_, direction) for direction in directions for type_ in (kind, "slow_close")}
    assert in_force(control) == {"s1>n1": expected}
    assert links.cut_now() == {"s1>n1": how}
    assert links.restore(["s1>n1"]) == []
    assert in_force(control) == {}
    assert links.cut_now() == {}


def test_the_mask_of_the_fin_comes_last_and_goes_first(links: Links, control: FakeControl) -> None:
    links.cut(["s1>n1"])
    assert list(control.toxics["s1>n1"]) == ["cut.requests", "cut.replies", "cut.requests.fin", "cut.replies.fin"]
    links.restore(["s1>n1"])
    assert control.removed == ["cut.replies.fin", "cut.requests.fin", "cut.replies", "cut.requests"]


def test_close_disables(links: Links, control: FakeControl) -> None:
    links.cut(links.names(source="s1"), "close")
    assert control.disabled == {"s1>n1", "s1>n2"}
    links.restore(links.names())
    assert control.disabled == set()
    assert control.removed == []


def test_cutting_again_repairs_and_another_way_replaces(links: Links, control: FakeControl) -> None:
    links.cut(["s1>n1"])
    del control.toxics["s1>n1"]["cut.replies"]
    links.cut(["s1>n1"])
    assert len(control.toxics["s1>n1"]) == 4
    links.cut(["s1>n1"], "stall", "requests")
    assert in_force(control) == {"s1>n1": {("bandwidth", "upstream"), ("slow_close", "upstream")}}
    links.cut(["s1>n1"], "close")
    assert in_force(control) == {}
    assert links.cut_now() == {"s1>n1": "close"}


def test_unknown_names_and_effects_change_nothing(links: Links, control: FakeControl) -> None:
    with pytest.raises(ProxyControlError, match=r"No link is called 'x>y'\. Links: s1>n1, "):
        links.cut(["s1>n1", "x>y"])
    with pytest.raises(ProxyControlError, match="cannot be cut by 'timeout'"):
        links.cut(["s1>n1"], cast(Any, "timeout"))
    with pytest.raises(ProxyControlError, match="closed in both streams"):
        links.cut(["s1>n1"], "close", "requests")
    assert in_force(control) == {}
    assert links.cut_now() == {}


def test_one_broken_link_does_not_stop_the_others(links: Links, control: FakeControl) -> None:
    control.broken.add("s1>n2")
    with pytest.raises(ProxyControlError, match=r"1 of 4 links could not be cut \(black-hole\) \(s1>n2\).*is broken"):
        links.cut(links.names())
    assert set(in_force(control)) == {"s1>n1", "s2>n1", "n1>n2"}
    assert set(links.cut_now()) == set(links.names())


def test_restoring_everything_never_raises_and_can_be_repeated(links: Links, control: FakeControl) -> None:
    links.cut(links.names())
    control.broken.add("s1>n2")
    (error,) = links.restore_all()
    assert "s1>n2 is broken" in str(error)
    assert links.cut_now() == {"s1>n2": "black-hole"}
    control.broken.clear()
    assert links.restore_all() == []
    assert links.restore_all() == []
    assert in_force(control) == {}


def test_a_proxy_made_anew_is_reported(links: Links, control: FakeControl) -> None:
    links.cut(links.names())
    control.hanging.add("s2>n1")
    assert links.restore(links.names()) == ["s2>n1"]


def test_establish_populates_all(links: Links) -> None:
    assert list(links.establish()) == links.names()


def test_two_links_of_one_name_are_refused(control: FakeControl) -> None:
    with pytest.raises(ProxyControlError, match="described twice"):
        Links(cast(ProxyControl, control), [Link("a", "b", "x:1", "y:1")] * 2)


@pytest.fixture
def by_name(control: FakeControl) -> Iterator[Links]:
    """Two sites, two nodes, and a name that leads to the first of them."""
    ways = [Link(site, node, f"{site}:{node}", f"{node}:1") for site in ("s1", "s2") for node in ("n1", "n2")]
    names = [Link(site, "primary", f"{site}:primary", f"{site}:n1") for site in ("s1", "s2")]
    links = Links(cast(ProxyControl, control), [*ways, *names])
    yield links
    links.close()


def test_a_name_leads_every_site_through_its_own_link(by_name: Links, control: FakeControl) -> None:
    by_name.lead("primary", "n2")
    assert control.redirected == {"s1>primary": "s1:n2", "s2>primary": "s2:n2"}
    assert [by_name.links[way].upstream for way in ("s1>primary", "s2>primary")] == ["s1:n2", "s2:n2"]


def test_a_site_that_is_cut_off_hears_nothing_of_the_move(by_name: Links, control: FakeControl) -> None:
    by_name.cut(["s1>n2"])
    by_name.lead("primary", "n2")
    assert control.redirected == {"s2>primary": "s2:n2"}
    by_name.restore(["s1>n2"])
    by_name.lead("primary", "n2")
    assert control.redirected["s1>primary"] == "s1:n2"


@pytest.mark.parametrize(("name", "node"), [("nobody", "n1"), ("primary", "n3")])
def test_a_name_or_node_that_is_not_there_moves_nothing(
    by_name: Links, control: FakeControl, name: str, node: str
) -> None:
    with pytest.raises(ProxyControlError, match="No link is called"):
        by_name.lead(name, node)
    assert control.redirected == {}
