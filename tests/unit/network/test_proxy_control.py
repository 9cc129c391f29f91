"""The wrapped library against servers that answer, refuse, lie, hang, or are not there."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import toxiproxy

from nuclei.network.control import (
    AlreadyThere,
    NotThere,
    ProxyControl,
    ProxyControlError,
    ProxyHangs,
    ProxySpec,
    ProxyState,
    Toxic,
)


class Scripted:
    """An HTTP server that remembers the calls and answers as told.

    Attributes:
        answers: (method, path) → (status, value to send as JSON); everything else gets 200 and {}.
        hanging: calls that get no answer before the test ends.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Any]] = []
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self.hanging: set[tuple[str, str]] = set()
        self._over = threading.Event()
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                key = (self.command, self.path)
                scripted.calls.append((*key, json.loads(body) if body else None))
                if key in scripted.hanging:
                    scripted._over.wait(10)
                    self.close_connection = True
                    return
                status, value = scripted.answers.get(key, (200, {}))
                data = b"" if status == 204 else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.port: int = self._server.server_address[1]

    def close(self) -> None:
        """End the server and its threads."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def control(server: Scripted) -> Iterator[ProxyControl]:
    control = ProxyControl("127.0.0.1", server.port, timeout=0.3)
    yield control
    control.close()


SPEC = ProxySpec("a>b", "127.0.0.1:0", "u:1")
STATE = {"name": "a>b", "listen": "127.0.0.1:4000", "upstream": "u:1", "enabled": True, "toxics": []}


def populated(control: ProxyControl, server: Scripted) -> None:
    server.answers["POST", "/populate"] = (201, {"proxies": [STATE]})
    control.populate([SPEC])
    server.calls.clear()


def test_populate_is_one_call_and_tells_the_real_addresses(control: ProxyControl, server: Scripted) -> None:
    server.answers["POST", "/populate"] = (201, {"proxies": [STATE]})
    states = control.populate([SPEC])
    assert states == {"a>b": ProxyState("a>b", "127.0.0.1:4000", "u:1", True)}
    body = [{"name": "a>b", "listen": "127.0.0.1:0", "upstream": "u:1", "enabled": True}]
    assert server.calls == [("POST", "/populate", body)]


def test_toxics_go_through_the_library(control: ProxyControl, server: Scripted) -> None:
    control.add_toxic("a>b", Toxic("t", "latency", "upstream", 0.5, {"latency": 3}))
    server.answers["DELETE", "/proxies/a%3Eb/toxics/t"] = (204, None)
    assert control.remove_toxic("a>b", "t") is False
    toxic = {"name": "t", "type": "latency", "stream": "upstream", "toxicity": 0.5, "attributes": {"latency": 3}}
    assert server.calls == [
        ("POST", "/proxies/a%3Eb/toxics", toxic),
        ("DELETE", "/proxies/a%3Eb/toxics/t", None),
    ]


def test_proxies_with_their_toxics(control: ProxyControl, server: Scripted) -> None:
    toxic = {"name": "t", "type": "latency", "stream": "upstream", "toxicity": 1, "attributes": {"latency": 3}}
    server.answers["GET", "/proxies"] = (200, {"a>b": {**STATE, "toxics": [toxic], "Logger": {}}})
    (state,) = control.proxies().values()
    assert state.toxics == (Toxic("t", "latency", "upstream", 1.0, {"latency": 3}),)


def test_enable_disable_delete_reset(control: ProxyControl, server: Scripted) -> None:
    server.answers["DELETE", "/proxies/a"] = (204, None)
    server.answers["POST", "/reset"] = (204, None)
    control.disable("a")
    control.enable("a")
    control.delete("a")
    control.reset()
    assert server.calls == [
        ("POST", "/proxies/a", {"enabled": False}),
        ("POST", "/proxies/a", {"enabled": True}),
        ("DELETE", "/proxies/a", None),
        ("POST", "/reset", None),
    ]


def test_a_500_is_raised_with_what_the_server_said(control: ProxyControl, server: Scripted) -> None:
    server.answers["POST", "/proxies/a"] = (500, {"error": "listen tcp: bind: address already in use", "status": 500})
    with pytest.raises(ProxyControlError, match="failed with status 500: listen tcp: bind: address already in use"):
        control.enable("a")


@pytest.mark.parametrize(
    ("status", "kind"), [(409, AlreadyThere), (404, NotThere), (400, ProxyControlError), (503, ProxyControlError)]
)
def test_refusals_have_their_kind(
    control: ProxyControl, server: Scripted, status: int, kind: type[ProxyControlError]
) -> None:
    server.answers["POST", "/proxies/a/toxics"] = (status, {"error": "the reason", "status": status})
    with pytest.raises(kind, match="the reason"):
        control.add_toxic("a", Toxic("t", "latency"))


def test_what_is_gone_counts_as_removed(control: ProxyControl, server: Scripted) -> None:
    for path in ("/proxies/a", "/proxies/a/toxics/t"):
        server.answers["DELETE", path] = (404, {"error": "not found", "status": 404})
    control.delete("a")
    assert control.remove_toxic("a", "t") is False


@pytest.mark.parametrize("name", ["", "a/b", "a#b", "a b", "ä", "a?b", "..", "a%2fb"])
def test_names_that_would_address_another_endpoint(control: ProxyControl, server: Scripted, name: str) -> None:
    with pytest.raises(ProxyControlError, match="cannot name a proxy or toxic"):
        control.disable(name)
    with pytest.raises(ProxyControlError, match="cannot name a proxy or toxic"):
        control.populate([ProxySpec(name, "127.0.0.1:0", "u:1")])
    assert server.calls == []


def test_a_server_that_does_not_answer_is_one_sentence_in_time(control: ProxyControl, server: Scripted) -> None:
    server.hanging.add(("POST", "/proxies/a"))
    start = time.monotonic()
    with pytest.raises(ProxyHangs, match=r"stopped answering: POST /proxies/a got no answer within 0\.3 s"):
        control.disable("a")
    assert time.monotonic() - start < 10


def test_a_hanging_removal_makes_the_proxy_anew_with_its_other_toxics(control: ProxyControl, server: Scripted) -> None:
    populated(control, server)
    other = Toxic("other", "latency", "upstream", 1.0, {"latency": 3})
    control.add_toxic("a>b", Toxic("t", "timeout"))
    control.add_toxic("a>b", other)
    server.calls.clear()
    server.hanging.add(("DELETE", "/proxies/a%3Eb/toxics/t"))
    server.answers["DELETE", "/proxies/a%3Eb"] = (204, None)
    server.answers["POST", "/proxies"] = (201, STATE)
    assert control.remove_toxic("a>b", "t") is True
    assert [call[:2] for call in server.calls] == [
        ("DELETE", "/proxies/a%3Eb/toxics/t"),
        ("GET", "/version"),
        ("DELETE", "/proxies/a%3Eb"),
        ("POST", "/proxies"),
        ("POST", "/proxies/a%3Eb/toxics"),
    ]
    assert server.calls[3][2] == {"name": "a>b", "listen": "127.0.0.1:4000", "upstream": "u:1", "enabled": True}
    assert server.calls[4][2]["name"] == "other"


def test_a_hanging_removal_that_cannot_be_helped_says_both(control: ProxyControl, server: Scripted) -> None:
    server.hanging.add(("DELETE", "/proxies/a%3Eb/toxics/t"))
    with pytest.raises(ProxyControlError, match=r"stopped answering.*was not created through this control"):
        control.remove_toxic("a>b", "t")
    populated(control, server)
    server.answers["POST", "/proxies"] = (500, {"error": "no such address", "status": 500})
    with pytest.raises(ProxyControlError, match=r"stopped answering.*anew failed as well.*no such address"):
        control.remove_toxic("a>b", "t")


def test_a_frozen_server_is_sent_nothing_that_it_would_carry_out_later(control: ProxyControl, server: Scripted) -> None:
    populated(control, server)
    server.hanging |= {("DELETE", "/proxies/a%3Eb/toxics/t"), ("GET", "/version")}
    with pytest.raises(ProxyHangs, match="GET /version got no answer"):
        control.remove_toxic("a>b", "t")
    assert [call[:2] for call in server.calls] == [("DELETE", "/proxies/a%3Eb/toxics/t"), ("GET", "/version")]


def test_a_proxy_that_vanished_is_made_anew(control: ProxyControl, server: Scripted) -> None:
    gone = (404, {"error": "proxy not found", "status": 404})
    server.answers["DELETE", "/proxies/a%3Eb/toxics/t"] = gone
    server.answers["DELETE", "/proxies/a%3Eb"] = gone
    assert control.remove_toxic("a>b", "t") is False  # nobody this control knows
    populated(control, server)
    assert control.remove_toxic("a>b", "t") is True
    assert server.calls[-1][:2] == ("POST", "/proxies")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    control = ProxyControl("127.0.0.1", port)
    with pytest.raises(ProxyControlError, match=r"is not reachable: GET /version ended with .*refused"):
        control.version()
    with pytest.raises(ProxyControlError, match=r"did not answer within 0\.1 s\. Last: .*refused"):
        control.wait_until_answering(0.1)


def test_waiting_ends_when_the_server_comes(server: Scripted, control: ProxyControl) -> None:
    server.answers["GET", "/version"] = (200, {"version": "2.12.0"})
    assert control.wait_until_answering(1) == "2.12.0"


def test_the_environments_proxies_are_ignored(
    control: ProxyControl, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    control.enable("a")
    assert len(server.calls) == 1


def test_several_servers_from_many_threads() -> None:
    """Each call reaches the server of its own control, whatever other threads call at the same time."""
    servers = [Scripted() for _ in range(3)]
    controls = [ProxyControl("127.0.0.1", server.port) for server in servers]
    try:
        with ThreadPoolExecutor(12) as pool:
            for future in [pool.submit(controls[n % 3].enable, f"p{n % 3}-{n}") for n in range(120)]:
                future.result()
        for number, server in enumerate(servers):
            assert len(server.calls) == 40
            assert all(path.startswith(f"/proxies/p{number}-") for _, path, _ in server.calls)
    finally:
        for control, server in zip(controls, servers, strict=True):
            control.close()
            server.close()


def test_the_library_is_unchanged_for_others(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    library = toxiproxy.Toxiproxy()
    library.update_api_consumer("127.0.0.1", server.port)
    try:
        assert library.proxies() == {}
    finally:
        library.update_api_consumer("127.0.0.1", 8474)
