"""An unmodified toxiproxy-python drives the server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import toxiproxy
import toxiproxy.proxy
import toxiproxy.server
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists
from toxiproxy_wire import Api, Upstream, ending, receive, took


@pytest.fixture
def library(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[toxiproxy.Toxiproxy]:
    """The library as it is installed, whatever another test's imports have put in its place."""
    monkeypatch.setattr(toxiproxy.server, "APIConsumer", APIConsumer)
    monkeypatch.setattr(toxiproxy.proxy, "APIConsumer", APIConsumer)
    monkeypatch.setattr(APIConsumer, "host", api.host)
    monkeypatch.setattr(APIConsumer, "port", api.port)
    monkeypatch.setenv("NO_PROXY", api.host)
    server = toxiproxy.Toxiproxy()
    before = set(server.proxies())
    yield server
    for name, proxy in server.proxies().items():
        if name not in before:
            proxy.destroy()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close()


def test_running_and_version(library: toxiproxy.Toxiproxy) -> None:
    assert library.running() is True
    assert library.version().startswith(b'{"version": "2.')


def test_create_find_destroy(library: toxiproxy.Toxiproxy, upstream: Upstream, name: str) -> None:
    proxy = library.create(upstream.address, name)
    assert proxy.enabled is True
    assert proxy.listen.startswith("127.0.0.1:")
    found = library.get_proxy(name)
    assert (found.name, found.upstream, found.listen) == (name, upstream.address, proxy.listen)
    with pytest.raises(ProxyExists):
        library.create(upstream.address, name)
    assert library.destroy(proxy) is True
    assert library.get_proxy(name) is None
    with pytest.raises(NotFound):
        proxy.destroy()


def test_down_closes_and_comes_back(library: toxiproxy.Toxiproxy, upstream: Upstream, name: str) -> None:
    import socket

    proxy = library.create(upstream.address, name)
    host, port = proxy.listen.split(":")
    with socket.create_connection((host, int(port)), 5) as client, upstream.accept() as server:
        client.sendall(b"x")
        assert receive(server, 1) == b"x"
        with proxy.down():
            assert library.get_proxy(name).enabled is False
            assert ending(client) == "fin"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((host, int(port)), 5)
    assert library.get_proxy(name).enabled is True


def test_toxics(library: toxiproxy.Toxiproxy, upstream: Upstream, name: str) -> None:
    import socket

    proxy = library.create(upstream.address, name)
    proxy.add_toxic(type="latency", attributes={"latency": 150})
    proxy.add_toxic(name="slow", type="bandwidth", stream="upstream", toxicity=0.0, attributes={"rate": 1})
    toxics = proxy.toxics()
    assert set(toxics) == {"latency_downstream", "slow"}
    assert proxy.get_toxic("slow").attributes == {"rate": 1}
    host, port = proxy.listen.split(":")
    with socket.create_connection((host, int(port)), 5) as client, upstream.accept() as server, took(0.14, 1):
        server.sendall(b"x")
        assert receive(client, 1) == b"x"
    assert proxy.destroy_toxic("slow") is True
    with pytest.raises(NotFound):
        proxy.destroy_toxic("slow")
    with pytest.raises(InvalidToxic):
        proxy.add_toxic(type="nonsense")
    with pytest.raises(ProxyExists):
        proxy.add_toxic(type="latency")
    assert library.reset() is True
    assert proxy.toxics() == {}


def test_populate_and_destroy_all(library: toxiproxy.Toxiproxy, api: Api, upstream: Upstream, name: str) -> None:
    wanted = [{"name": f"{name}-{n}", "upstream": upstream.address, "listen": "127.0.0.1:0"} for n in range(3)]
    made = library.populate(wanted)
    assert [proxy.name for proxy in made] == [proxy["name"] for proxy in wanted]
    if len(library.proxies()) == 3:  # a foreign server may have proxies of its own
        library.destroy_all()
        assert api.ok("GET", "/proxies") == {}
