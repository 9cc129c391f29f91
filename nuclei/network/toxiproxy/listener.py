"""A listening socket in the event loop.

asyncio's own server loses a client that it has accepted but not yet given a transport when it is closed: the socket
then lives until the garbage collector finds it. A proxy that is disabled must tell every peer at once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

#: Clients taken before other connections get their turn, and seconds to wait when no descriptor is left for one.
_BATCH = 64
_OUT_OF_DESCRIPTORS_S = 0.2


class Listener:
    """Hands every accepted socket (non-blocking) and its peer's address to ``accepted`` until it is closed."""

    def __init__(self, listening: socket.socket, accepted: Callable[[socket.socket, str], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = listening
        self._accepted = accepted
        self._retry: asyncio.TimerHandle | None = None
        self._resume()

    def close(self) -> None:
        """Stop listening; who waits to be accepted gets an RST from the kernel."""
        self._pause()
        self._socket.close()

    def _resume(self) -> None:
        self._retry = None
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def _pause(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        if self._retry is not None:
            self._retry.cancel()

    def _accept(self) -> None:
        for _ in range(_BATCH):
            try:
                client, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # Out of descriptors or memory: the client stays in the queue, and asking again at once would spin.
                self._pause()
                self._retry = self._loop.call_later(_OUT_OF_DESCRIPTORS_S, self._resume)
                return
            client.setblocking(False)
            self._accepted(client, f"{address[0]}:{address[1]}")
