"""What the conformance tests need of the world: a control client in raw HTTP, sockets with both ends in hand."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

#: Seconds after which a test gives up; nothing here normally takes a tenth of it.
LIMIT = 5.0


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; ``json`` is None where the body is none."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body) if self.body.strip() else None


class Api:
    """The control API over http.client: no library's opinion between the test and the wire."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 8474
        self._connection = http.client.HTTPConnection(self.host, self.port, timeout=LIMIT)

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """Send; ``body`` is bytes as they are, or a value to encode as JSON."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self._connection.request(method, path, data, headers or {})
        response = self._connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        """Send and demand success; returns the decoded body."""
        answer = self.call(method, path, body)
        assert 200 <= answer.status < 300, answer
        return answer.json

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Upstream:
    """A listening socket on loopback that the test accepts from by hand."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(LIMIT)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"

    def accept(self) -> socket.socket:
        """The next connection the proxy makes."""
        server, _ = self.socket.accept()
        server.settimeout(LIMIT)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return server

    def close(self) -> None:
        """Stop listening."""
        self.socket.close()


class Rig:
    """A proxy of its own for one test, in front of an upstream whose connections the test holds."""

    def __init__(self, api: Api, name: str, stack: ExitStack) -> None:
        self.api = api
        self.name = name
        self.path = f"/proxies/{name}"
        self.upstream = Upstream()
        self._stack = stack
        stack.callback(self.upstream.close)
        made = api.ok("POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": self.upstream.address})
        stack.callback(api.call, "DELETE", self.path)
        self.listen: str = made["listen"]

    def dial(self) -> socket.socket:
        """A client connection to the proxy; its other end is not accepted yet."""
        host, port = self.listen.rsplit(":", 1)
        client = socket.create_connection((host, int(port)), timeout=LIMIT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stack.callback(client.close)
        return client

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """A connection through the proxy, client's and server's end, proven to carry bytes unless a toxic may bite."""
        client = self.dial()
        server = self.upstream.accept()
        self._stack.callback(server.close)
        return client, server

    def proven(self) -> tuple[socket.socket, socket.socket]:
        """A connection that has carried a byte each way."""
        client, server = self.connect()
        client.sendall(b"?")
        assert receive(server, 1) == b"?"
        server.sendall(b"!")
        assert receive(client, 1) == b"!"
        return client, server

    def add(
        self, kind: str, stream: str = "downstream", name: str = "", toxicity: float = 1.0, **attributes: int
    ) -> str:
        """Add a toxic; returns its name."""
        return self.post(kind, stream, name, attributes, toxicity)

    def post(self, kind: str, stream: str, name: str, attributes: dict[str, int], toxicity: float = 1.0) -> str:
        """The same with the attributes in a dictionary."""
        body = {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes, "name": name}
        return str(self.api.ok("POST", f"{self.path}/toxics", body)["name"])

    def change(self, toxic: str, **body: Any) -> Any:
        """Update a toxic."""
        return self.api.ok("POST", f"{self.path}/toxics/{toxic}", body)

    def remove(self, toxic: str) -> None:
        """Remove a toxic."""
        self.api.ok("DELETE", f"{self.path}/toxics/{toxic}")


def ends(rig: Rig, stream: str, *, proven: bool = True) -> tuple[socket.socket, socket.socket]:
    """A connection as (writer, reader) of one stream."""
    client, server = rig.proven() if proven else rig.connect()
    return (client, server) if stream == "upstream" else (server, client)


def receive(sock: socket.socket, size: int) -> bytes:
    """Exactly ``size`` bytes, fewer only before an EOF."""
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            break
        data += piece
    return data


def receive_all(sock: socket.socket) -> bytes:
    """Everything until EOF."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def silent(sock: socket.socket, seconds: float = 0.15) -> bool:
    """Nothing arrives, neither data nor EOF nor RST."""
    sock.settimeout(seconds)
    try:
        sock.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return True
    except ConnectionError:
        return False
    finally:
        sock.settimeout(LIMIT)
    return False


def ending(sock: socket.socket) -> str:
    """How the connection ends, "fin" or "rst", whatever data comes before."""
    try:
        receive_all(sock)
    except ConnectionResetError:
        return "rst"
    return "fin"


def fill(sock: socket.socket, limit: int = 64_000_000) -> int:
    """Send until the path takes no more for half a second; returns how many bytes it took."""
    sent = 0
    sock.settimeout(0.5)
    try:
        while sent < limit:
            sent += sock.send(bytes(65536))
    except TimeoutError:
        pass
    finally:
        sock.settimeout(LIMIT)
    return sent


def fill_backlog(stack: ExitStack) -> str:
    """The address of a listener whose queue is full: a further connect() gets no answer, as from a black hole."""
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(20):
        filler = stack.enter_context(socket.socket())
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    return f"127.0.0.1:{listener.getsockname()[1]}"


def until(condition: Callable[[], object], what: str, limit: float = LIMIT) -> None:
    """Wait until ``condition`` holds.

    Raises:
        AssertionError: it did not within ``limit`` seconds; carries the last value.
    """
    end = time.monotonic() + limit
    while not (last := condition()):
        assert time.monotonic() < end, f"{what}: not within {limit} s, last {last!r}"
        time.sleep(0.005)


@contextmanager
def took(at_least: float = 0.0, at_most: float = LIMIT) -> Iterator[None]:
    """The block takes this many seconds."""
    start = time.monotonic()
    yield
    spent = time.monotonic() - start
    assert at_least <= spent <= at_most, f"took {spent:.3f} s, expected {at_least} to {at_most}"
