"""An etcd small enough to read: keys, leases and a revision, behind the JSON gateway's paths."""

from __future__ import annotations

import json
import random
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nuclei.locks.base import Endpoint, LockContext, Surroundings


class TinyEtcd(ThreadingHTTPServer):
    """``keys``: key → (value, lease, create revision). ``mute``: paths that are done and not answered. ``refusing``:
    path → what it is refused with."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keys: dict[str, tuple[str, int, int]] = {}
        self.leases: set[int] = set()
        self.revision = 1
        self.mute: set[str] = set()
        self.refusing: dict[str, str] = {}
        self.asked: list[str] = []
        self.changed = threading.Condition()

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(str(self.server_address[0]), int(self.server_address[1]))

    def end_lease(self, lease: int) -> None:
        with self.changed:
            self.leases.discard(lease)
            self.keys = {key: item for key, item in self.keys.items() if item[1] != lease}
            self.changed.notify_all()

    def put(self, key: str, value: str, lease: int = 0) -> None:
        with self.changed:
            self.revision += 1
            self.keys[key] = (value, lease, self.revision)

    def do(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.changed:
            answer = getattr(self, path.removeprefix("/v3/").replace("/", "_"))(body)
            self.changed.notify_all()
            return {"header": {"revision": str(self.revision)}, **answer}

    def lease_grant(self, body: dict[str, Any]) -> dict[str, Any]:
        lease = 100 + len(self.leases)
        self.leases.add(lease)
        return {"ID": str(lease), "TTL": body["TTL"]}

    def lease_keepalive(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"result": {"ID": body["ID"], **({"TTL": "2"} if int(body["ID"]) in self.leases else {})}}

    def kv_txn(self, body: dict[str, Any]) -> dict[str, Any]:
        put, oldest = body["success"][0]["request_put"], body["success"][1]["request_range"]
        key = _text(put["key"])
        new = key not in self.keys
        if new:
            self.revision += 1
            self.keys[key] = (_text(put["value"]), int(put["lease"]), self.revision)
        own = {"response_put": {}} if new else {"response_range": self.kv_range({"key": put["key"]})}
        return {"succeeded": new, "responses": [own, {"response_range": self.kv_range(oldest)}]}

    def kv_range(self, body: dict[str, Any]) -> dict[str, Any]:
        first, last = _text(body["key"]), _text(body.get("range_end", ""))
        most = int(body.get("max_create_revision", self.revision))
        found = [
            (made, key, value)
            for key, (value, _, made) in self.keys.items()
            if (first <= key < last if last else key == first) and made <= most
        ]
        found.sort(reverse=body.get("sort_order") == "DESCEND")
        kvs = [{"key": _coded(key), "value": _coded(value), "create_revision": str(made)} for made, key, value in found]
        return {"kvs": kvs[: int(body.get("limit", len(kvs)))]} if kvs else {}

    def kv_deleterange(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"deleted": "1"} if self.keys.pop(_text(body["key"]), None) else {}

    def until_gone(self, key: str) -> None:
        with self.changed:
            self.changed.wait_for(lambda: key not in self.keys, timeout=10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: TinyEtcd

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(self.path)
        if self.path == "/v3/watch":
            return self._watch(_text(body["create_request"]["key"]))
        if (reason := self.server.refusing.get(self.path)) is not None:
            return self._answer(503, {"error": reason, "code": 14})
        said = self.server.do(self.path, body)
        if self.path in self.server.mute:
            self.close_connection = True
            return None
        return self._answer(200, said)

    def _answer(self, status: int, said: dict[str, Any]) -> None:
        text = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _watch(self, key: str) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._chunk({"result": {"created": True}})
        self.server.until_gone(key)
        self._chunk({"result": {"events": [{"type": "DELETE"}]}})
        self.close_connection = True

    def _chunk(self, said: dict[str, Any]) -> None:
        text = json.dumps(said).encode() + b"\n"
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None: ...


def _text(coded: str) -> str:
    return b64decode(coded).decode()


def _coded(text: str) -> str:
    return b64encode(text.encode()).decode()


def context(
    *servers: TinyEtcd,
    told: Callable[[str], None] = lambda how: None,
    woken: Callable[[str], None] = lambda how: None,
    **settings: float,
) -> LockContext:
    """What a lock is made with; it talks to these servers in turn."""
    places = {f"etcd-{number}": server.endpoint for number, server in enumerate(servers, 1)}
    around = Surroundings(
        cluster="etcd",
        endpoints=places,
        nodes={"etcd": list(places)},
        settings={"ttl": 2.0, "op_timeout": 0.5, **settings},
    )
    return LockContext(key="k", client="c1", surroundings=around, random=random.Random(1), on_lost=told, on_wake=woken)
