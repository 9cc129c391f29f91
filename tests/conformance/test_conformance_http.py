"""The control API as an HTTP server: routes, methods, browsers, keep-alive, names."""

from __future__ import annotations

import socket

import pytest
from toxiproxy_wire import LIMIT, Api, Rig, receive_all


@pytest.mark.parametrize("path", ["/", "/nothing", "/proxies/a/b", "/proxies/a/toxics/b/c", "/proxies/"])
def test_unknown_paths_are_404_in_plain_text(api: Api, path: str) -> None:
    answer = api.call("GET", path)
    assert answer.status == 404
    assert answer.body == b"404 page not found\n"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/proxies"),
        ("DELETE", "/proxies"),
        ("PUT", "/proxies/a"),
        ("DELETE", "/proxies/a/toxics"),
        ("PUT", "/proxies/a/toxics/b"),
        ("GET", "/reset"),
        ("GET", "/populate"),
        ("POST", "/version"),
    ],
)
def test_wrong_methods_are_405(api: Api, method: str, path: str) -> None:
    answer = api.call(method, path)
    assert (answer.status, answer.body) == (405, b"")


@pytest.mark.parametrize("agent", ["Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/"])
def test_browsers_are_refused(api: Api, agent: str) -> None:
    answer = api.call("GET", "/version", headers={"User-Agent": agent})
    assert (answer.status, answer.body) == (403, b"User agent not allowed\n")


@pytest.mark.parametrize("agent", ["", "curl/8", "not Mozilla/5.0", "mozilla/5.0"])
def test_everything_else_is_welcome(api: Api, agent: str) -> None:
    assert api.call("GET", "/version", headers={"User-Agent": agent}).status == 200


def raw(api: Api, data: bytes) -> bytes:
    with socket.create_connection((api.host, api.port), timeout=LIMIT) as sock:
        sock.sendall(data)
        return receive_all(sock)


def test_keep_alive_and_pipelining(api: Api) -> None:
    request = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
    closing = b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(api, request + request + closing)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3


def test_http_1_0_closes(api: Api) -> None:
    assert b" 200 OK\r\n" in raw(api, b"GET /version HTTP/1.0\r\n\r\n")


def test_a_chunked_body(api: Api, name: str) -> None:
    body = b'{"name": "%s", "upstream": "u:1", "enabled": false}' % name.encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    head = b"POST /proxies HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 201 Created\r\n" in raw(api, head + chunks)
    api.ok("DELETE", f"/proxies/{name}")


@pytest.mark.parametrize(
    "data", [b"nonsense\r\n\r\n", b"GET /version HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01\r\n\r\n"]
)
def test_what_is_not_http_gets_400_and_the_server_lives_on(api: Api, data: bytes) -> None:
    assert b" 400 Bad Request\r\n" in raw(api, data)
    assert api.call("GET", "/version").status == 200


@pytest.mark.parametrize("suffix", [">b", ".b", "_b", "-b", "%3Eb"])
def test_names_with_the_characters_we_use(api: Api, name: str, suffix: str) -> None:
    full = f"{name}{suffix}".replace("%3E", ">")
    assert api.call("POST", "/proxies", {"name": full, "upstream": "u:1", "enabled": False}).status == 201
    assert api.ok("GET", f"/proxies/{name}{suffix}")["name"] == full
    assert api.ok("GET", f"/proxies/{name}{suffix}/toxics") == []
    api.ok("DELETE", f"/proxies/{name}{suffix}")


def test_a_query_is_ignored(rig: Rig, api: Api) -> None:
    assert api.ok("GET", f"{rig.path}?verbose=1")["name"] == rig.name
