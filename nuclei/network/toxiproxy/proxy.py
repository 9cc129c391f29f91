"""One proxy: a listener, its toxics, and the connections it accepted."""

from __future__ import annotations

import asyncio
import random
import socket

from . import addresses, errors, toxics
from .connection import Connection, Endpoint
from .errors import AddressError, ApiError
from .listener import Listener
from .log import Log
from .metrics import Labels, Traffic
from .toxics import DOWNSTREAM, UPSTREAM, Toxic

_DIAL_AGAIN = 0.02
"""Seconds between two dials of a patient proxy."""


class Proxy:
    """A proxy by name. It exists while disabled, with its toxics, but then has no listener and no connections.

    Attributes:
        listen: the address as asked for, and once enabled the one really listened on.
        upstream: host:port of the server; resolved anew for every connection.
        patience: seconds for which a dial that upstream refuses is repeated before the client is closed.
    """

    def __init__(
        self,
        name: str,
        listen: str,
        upstream: str,
        *,
        log: Log,
        rng: random.Random,
        traffic: Traffic,
        patience: float = 0.0,
    ) -> None:
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.patience = patience
        self.enabled = False
        self.chains: dict[str, list[Toxic]] = {UPSTREAM: [], DOWNSTREAM: []}
        self._log = log
        self._random = rng
        self._traffic = traffic
        self._listener: Listener | None = None
        self._connections: set[Connection] = set()
        self._dialling: dict[asyncio.Task[None], socket.socket] = {}

    def document(self) -> dict[str, object]:
        """The JSON object the API shows."""
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": [toxic.document() for toxic in self.all_toxics()],
        }

    # Listening

    async def start(self) -> None:
        """Listen; nothing happens when enabled already.

        Raises:
            AddressError: the address cannot be listened on. The proxy stays disabled.
        """
        if self.enabled:
            return
        listening = await addresses.listen(self.listen)
        self.listen = addresses.of(listening)
        self._listener = Listener(listening, self._accepted)
        self.enabled = True
        self._log.line("proxy started", name=self.name, listen=self.listen, upstream=self.upstream)

    async def stop(self) -> None:
        """Close the listener and every connection, both ways; when this returns the peers have been told."""
        if not self.enabled:
            return
        self.enabled = False
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if dialling := dict(self._dialling):
            for task in dialling:
                task.cancel()
            await asyncio.wait(dialling)
            for client in dialling.values():
                client.close()
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)  # aborted transports close their sockets in the loop's next round
        self._log.line("proxy stopped", name=self.name, listen=self.listen, upstream=self.upstream)

    async def update(self, listen: str, upstream: str, enabled: bool) -> None:
        """Change the addresses (closing everything if they differ) and enable or disable.

        Raises:
            AddressError: an address cannot be parsed, resolved or listened on.
        """
        if await self.differs(listen, upstream):
            await self.stop()
            self.listen = listen
            self.upstream = upstream
        if enabled:
            await self.start()
        else:
            await self.stop()

    async def differs(self, listen: str, upstream: str) -> bool:
        """Whether these addresses are other ones; names are resolved before they are compared.

        Raises:
            AddressError: ``listen`` cannot be parsed or resolved.
        """
        if upstream != self.upstream:
            return True
        return listen != self.listen and addresses.join(*await addresses.resolve(listen)) != self.listen

    # Connections

    def _accepted(self, client: socket.socket, peer: str) -> None:
        self._log.line("client accepted", name=self.name, client=peer, upstream=self.upstream)
        # A task for each client: an upstream that does not answer keeps nobody else waiting.
        task = asyncio.get_running_loop().create_task(self._connect(client))
        self._dialling[task] = client
        task.add_done_callback(lambda done: self._dialling.pop(done, None))

    async def _connect(self, accepted: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        client, server = Endpoint(), Endpoint()
        try:
            await loop.connect_accepted_socket(lambda: client, accepted)
        except OSError:  # it has left already
            accepted.close()
            return
        try:
            await self._dial(client, server)
        except (OSError, AddressError, UnicodeError) as error:
            self._log.line("upstream failed", name=self.name, upstream=self.upstream, error=error)
            client.transport.close()
            return
        except asyncio.CancelledError:
            client.transport.abort()
            raise
        if client.lost or server.lost:
            client.transport.abort()
            server.transport.abort()
            return
        connection = Connection(client, server, self._random, self._gone)
        self._connections.add(connection)
        connection.open(self.chains)

    async def _dial(self, client: Endpoint, server: Endpoint) -> None:
        """Connect to upstream; a patient proxy tries again for a while when it is refused."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.patience
        host, port = addresses.split(self.upstream)
        while True:
            try:
                await loop.create_connection(lambda: server, host or "localhost", port)
                return
            except ConnectionRefusedError:
                if loop.time() >= until or client.lost:
                    raise
            await asyncio.sleep(_DIAL_AGAIN)

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        for direction in (UPSTREAM, DOWNSTREAM):
            self._traffic.add(self._labels(direction), connection.received(direction), connection.sent(direction))

    def count_open(self, traffic: Traffic) -> None:
        """Add the bytes of the connections that are still open to ``traffic``."""
        for direction in (UPSTREAM, DOWNSTREAM):
            for connection in self._connections:
                traffic.add(self._labels(direction), connection.received(direction), connection.sent(direction))

    def _labels(self, direction: str) -> Labels:
        return direction, self.listen, self.name, self.upstream

    # Toxics

    def all_toxics(self) -> list[Toxic]:
        """The toxics of both streams, upstream first, each in the order of its chain."""
        return [*self.chains[UPSTREAM], *self.chains[DOWNSTREAM]]

    def toxic(self, name: str) -> Toxic:
        """The toxic of that name.

        Raises:
            ApiError: 404, there is none.
        """
        for toxic in self.all_toxics():
            if toxic.name == name:
                return toxic
        raise errors.toxic_not_found()

    def add_toxic(self, toxic: Toxic) -> None:
        """Put a toxic at the end of its stream's chain, on open and on future connections.

        Raises:
            ApiError: 409, the name is taken on either stream.
        """
        if any(other.name == toxic.name for other in self.all_toxics()):
            raise errors.toxic_already_exists()
        self.chains[toxic.direction].append(toxic)
        for connection in list(self._connections):
            connection.pipes[toxic.direction].add(toxic)
        self._log.line("toxic added", proxy=self.name, toxic=toxic.name, type=toxic.type, stream=toxic.stream)

    def update_toxic(self, name: str, raw: bytes) -> Toxic:
        """Change attributes and toxicity.

        Raises:
            ApiError: 404 for an unknown name, 400 for a bad body.
        """
        toxic = self.toxic(name)
        toxic.attributes, toxic.toxicity = toxics.read_update(toxic, raw)
        for connection in list(self._connections):
            connection.pipes[toxic.direction].update(toxic)
        self._log.line("toxic updated", proxy=self.name, toxic=toxic.name, type=toxic.type, stream=toxic.stream)
        return toxic

    def remove_toxic(self, name: str) -> None:
        """Take a toxic off every connection. Never waits for anybody.

        Raises:
            ApiError: 404, there is none.
        """
        toxic = self.toxic(name)
        self.chains[toxic.direction].remove(toxic)
        for connection in list(self._connections):
            connection.pipes[toxic.direction].remove(toxic)
        self._log.line("toxic removed", proxy=self.name, toxic=toxic.name, type=toxic.type, stream=toxic.stream)

    def remove_toxics(self) -> None:
        """Take all toxics off."""
        for toxic in self.all_toxics():
            self.remove_toxic(toxic.name)


def start_error(error: AddressError) -> ApiError:
    """The 500 that a proxy that could not listen gives."""
    return ApiError(str(error), 500)
