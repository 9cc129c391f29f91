"""A proxied connection: two sockets, and a pipe for each stream between them."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Callable, Iterable, Mapping

from .pipe import Pipe
from .toxics import DOWNSTREAM, UPSTREAM, Toxic

#: Read at most this much at once. Large enough for throughput, small enough that the allocator serves it from its heap.
_READ_SIZE = 64 * 1024
_LINGER_ZERO = struct.pack("ii", 1, 0)


class Endpoint(asyncio.Protocol):
    """One of the two sockets: source of one pipe, sink of the other.

    Attributes:
        received: bytes read from the socket.
        lost: the socket is closed.
    """

    __slots__ = ("_forward", "connection", "lost", "received", "transport")

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.received = 0
        self.lost = False
        self._forward: Callable[[bytes], object] = _discard

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nothing is read until both sockets are open and the chain of toxics is built."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        # A moment later: asyncio begins to read after this call, up to Python 3.11.2 (Debian 12) whatever is said in
        # it, and what comes before there is somewhere to forward it would be lost.
        asyncio.get_running_loop().call_soon(transport.pause_reading)
        transport.max_size = _READ_SIZE  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """The hot path."""
        self.received += len(data)
        self._forward(data)

    def eof_received(self) -> bool:
        """FIN: its fate is the chain's affair, so the transport must not close itself."""
        if self.connection is not None:
            self.connection.reading(self).source_ended()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self.lost = True
        if self.connection is not None:
            self.connection.endpoint_lost(self)

    def pause_writing(self) -> None:
        """The send buffer is full: stop the other socket's reading."""
        if self.connection is not None:
            self.connection.writing(self).sink_full(True)

    def resume_writing(self) -> None:
        """The send buffer has room again."""
        if self.connection is not None:
            self.connection.writing(self).sink_full(False)

    # The pipes' side

    def route(self, forward: Callable[[bytes], object]) -> None:
        """Give every chunk read from now on to ``forward``."""
        self._forward = forward

    def pause(self) -> None:
        """Stop reading."""
        self.transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self.transport.resume_reading()

    def linger_zero(self) -> None:
        """Make every closing of this socket an RST."""
        sock: socket.socket = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)


def _discard(data: bytes) -> None:
    """Nobody is interested in data yet."""


class Connection:
    """Client and server sockets with the upstream and downstream pipes.

    Args:
        chains: the toxics of each stream, by direction.
        gone: called once, when both sockets are closed.
    """

    __slots__ = ("client", "gone", "pipes", "server")

    def __init__(
        self,
        client: Endpoint,
        server: Endpoint,
        rng: random.Random,
        gone: Callable[[Connection], object],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.client = client
        self.server = server
        self.gone = gone
        # Transports rather than endpoints as sinks: without toxics a chunk costs two calls from socket to socket.
        self.pipes = {
            UPSTREAM: Pipe(loop, rng, client, server.transport),
            DOWNSTREAM: Pipe(loop, rng, server, client.transport),
        }

    def open(self, chains: Mapping[str, Iterable[Toxic]]) -> None:
        """Start both streams. With reset_peer on either, every close of this connection will be an RST."""
        self.client.connection = self.server.connection = self
        if any(toxic.type == "reset_peer" for chain in chains.values() for toxic in chain):
            self.client.linger_zero()
            self.server.linger_zero()
        for direction, pipe in self.pipes.items():
            pipe.open(chains[direction])

    def reading(self, endpoint: Endpoint) -> Pipe:
        """The pipe whose source ``endpoint`` is."""
        return self.pipes[UPSTREAM if endpoint is self.client else DOWNSTREAM]

    def writing(self, endpoint: Endpoint) -> Pipe:
        """The pipe whose sink ``endpoint`` is."""
        return self.pipes[DOWNSTREAM if endpoint is self.client else UPSTREAM]

    def endpoint_lost(self, endpoint: Endpoint) -> None:
        """A socket closed: its outgoing stream is over, its incoming one ends through the chain."""
        self.writing(endpoint).finish()
        self.reading(endpoint).source_ended()
        if self.client.lost and self.server.lost:
            self.gone(self)

    def abort(self) -> None:
        """Close both sockets now; what is held or queued is lost."""
        for pipe in self.pipes.values():
            pipe.finish()
        self.client.transport.abort()
        self.server.transport.abort()

    def received(self, direction: str) -> int:
        """Bytes read from the stream's source."""
        return self.client.received if direction == UPSTREAM else self.server.received

    def sent(self, direction: str) -> int:
        """Bytes handed to the stream's sink."""
        pipe = self.pipes[direction]
        return self.received(direction) - pipe.held - pipe.dropped
