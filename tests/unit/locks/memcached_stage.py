"""A memcached small enough to read: one dictionary, the commands our lock uses, and a clock that a test moves."""

from __future__ import annotations

import random
import socketserver
import threading

from nuclei.locks.base import Endpoint, LockContext, Surroundings


class TinyMemcached(socketserver.ThreadingTCPServer):
    """``items``: key → (value, version, expiry). ``now`` is its clock in seconds. ``mute``: take commands, say nothing
    from then on."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.items: dict[str, tuple[bytes, int, float]] = {}
        self.now = 0.0
        self.mute = False
        self.versions = 0
        self.said: list[str] = []
        self.guard = threading.Lock()

    @property
    def endpoint(self) -> Endpoint:
        host, port = self.server_address[:2]
        return Endpoint(str(host), int(port))

    def live(self, key: str) -> tuple[bytes, int, float] | None:
        item = self.items.get(key)
        return item if item is not None and self.now < item[2] else None

    def store(self, key: str, value: bytes, seconds: int) -> None:
        self.versions += 1
        self.items[key] = (value, self.versions, self.now + seconds)

    def do(self, words: list[str], value: bytes) -> bytes:
        with self.guard:
            self.said.append(words[0])
            item = self.live(words[1]) if len(words) > 1 else None
            if words[0] == "version":
                return b"VERSION 1.6.0\r\n"
            if words[0] == "gets":
                found = (
                    b""
                    if item is None
                    else b"VALUE %s 0 %d %d\r\n%s\r\n" % (words[1].encode(), len(item[0]), item[1], item[0])
                )
                return found + b"END\r\n"
            if words[0] == "add" and item is None:
                self.store(words[1], value, int(words[3]))
                return b"STORED\r\n"
            if words[0] == "cas" and item is not None:
                if str(item[1]) != words[5]:
                    return b"EXISTS\r\n"
                self.store(words[1], value, int(words[3]))
                return b"STORED\r\n"
            if words[0] == "delete" and item is not None:
                del self.items[words[1]]
                return b"DELETED\r\n"
            return b"NOT_STORED\r\n" if words[0] == "add" else b"NOT_FOUND\r\n"


class _Connection(socketserver.StreamRequestHandler):
    server: TinyMemcached

    def handle(self) -> None:
        while line := self.rfile.readline():
            words = line.decode().split()
            value = self.rfile.read(int(words[4]) + 2)[:-2] if words[0] in {"add", "cas"} else b""
            answer = self.server.do(words, value)
            if self.server.mute:
                continue
            self.wfile.write(answer)


def context(server: TinyMemcached, **settings: float | int | str | bool) -> LockContext:
    """What a lock is made with."""
    around = Surroundings(
        cluster="memcached",
        endpoints={"memcached-1": server.endpoint},
        nodes={"memcached": ["memcached-1"]},
        settings={"ttl": 3, "op_timeout": 0.3, "retry": 0.02, **settings},
    )
    return LockContext(key="k", client="c1", surroundings=around, random=random.Random(1))
