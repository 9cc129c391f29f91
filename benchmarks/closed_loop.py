"""A load of closed loops, and something to answer it: the two ends of a proxy benchmark.

``python -m benchmarks.closed_loop PORT`` serves SET commands of one fixed length on loopback, for machines without
redis-server.
"""

from __future__ import annotations

import asyncio
import select
import socket
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

_SET = b"*3\r\n$3\r\nSET\r\n$4\r\nlock\r\n$32\r\n" + b"v" * 32 + b"\r\n"
_OK = b"+OK\r\n"
_CHUNKS_PER_TRIP = 2


@dataclass
class Sample:
    """One way in one round."""

    trips_per_s: float
    latency_us: float
    cpu_us_per_chunk: float | None


@dataclass
class Way:
    """A path from the client to the server."""

    name: str
    port: int
    pid: int | None = None
    samples: list[Sample] = field(default_factory=list)


class _Server(asyncio.Protocol):
    """Answers every SET of the fixed length, as fast as Python can."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self.pending = 0

    def data_received(self, data: bytes) -> None:
        whole, self.pending = divmod(self.pending + len(data), len(_SET))
        if whole:
            self.transport.write(_OK * whole)


async def serve(port: int) -> None:
    """Answer until the process is ended."""
    server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", port)
    await server.serve_forever()


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, in seconds, from the scheduler's nanosecond account."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def measure(way: Way, connections: int, seconds: float) -> Sample:
    """Run closed loops on ``connections`` connections for ``seconds``."""
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.create_connection(("127.0.0.1", way.port), 5)) for _ in range(connections)]
        for sock in socks:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(_SET)
            if sock.recv(len(_OK)) != _OK:
                raise RuntimeError(f"{way.name}: the server did not answer +OK")
        loop = _one if connections == 1 else _many
        before = cpu_seconds(way.pid) if way.pid else 0.0
        start = time.perf_counter()
        latencies = loop(socks, start + seconds)
        spent = time.perf_counter() - start
        cpu = (cpu_seconds(way.pid) - before) * 1e6 / (len(latencies) * _CHUNKS_PER_TRIP) if way.pid else None
    return Sample(len(latencies) / spent, statistics.median(latencies) * 1e6, cpu)


def _one(socks: Sequence[socket.socket], end: float) -> list[float]:
    (sock,) = socks
    latencies = []
    now = time.perf_counter()
    while now < end:
        sock.sendall(_SET)
        sock.recv(64)
        before, now = now, time.perf_counter()
        latencies.append(now - before)
    return latencies


def _many(socks: Sequence[socket.socket], end: float) -> list[float]:
    poll = select.epoll()
    by_fd = {sock.fileno(): sock for sock in socks}
    sent = {}
    for fd, sock in by_fd.items():
        poll.register(fd, select.EPOLLIN)
        sent[fd] = time.perf_counter()
        sock.send(_SET)
    latencies = []
    while time.perf_counter() < end:
        for fd, _ in poll.poll(1):
            sock = by_fd[fd]
            sock.recv(64)
            now = time.perf_counter()
            latencies.append(now - sent[fd])
            sent[fd] = now
            sock.send(_SET)
    poll.close()
    return latencies


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
