"""A block of loopback addresses for one run: 127.A.B.0/24, claimed by trying.

Linux answers on all of 127.0.0.0/8 without any set-up, and nothing in it can be reached from another machine. A block
is claimed by binding a socket in it, which the kernel gives back when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import random
import socket
import sys

from nuclei.platforms.base import HarnessError, Unsupported

MOST_NODES = 120
_CLAIM_PORT = 8475
_TRIES = 50


def why_not() -> str | None:
    """Why there are no such addresses here, None where there are."""
    if not sys.platform.startswith("linux"):
        return "platform process needs Linux: elsewhere only 127.0.0.1 of the loopback addresses is there"
    try:
        Block().release()
    except HarnessError as error:
        return str(error)
    return None


class Block:
    """A claimed block. Raises HarnessError when none could be had."""

    def __init__(self) -> None:
        draw = random.SystemRandom()  # two runs of one seed must not try the same blocks
        for _ in range(_TRIES):
            self._prefix = f"127.{draw.randint(64, 250)}.{draw.randint(0, 255)}"
            self._socket = socket.socket()
            try:
                self._socket.bind((self._host(253), _CLAIM_PORT))
                return
            except OSError as error:
                self._socket.close()
                failure = error
        raise HarnessError(
            f"no block of loopback addresses could be claimed in {_TRIES} tries ({failure}): something listens on port "
            f"{_CLAIM_PORT} of every address of this machine; end it, or use --platform docker"
        )

    def _host(self, number: int) -> str:
        return f"{self._prefix}.{number}"

    def __str__(self) -> str:
        return f"{self._prefix}.0/24"

    @property
    def gates(self) -> str:
        """Where the proxy listens for the sites, and its control API."""
        return self._host(254)

    def node(self, number: int) -> str:
        """The address of node ``number`` (0, 1, …) itself. Raises Unsupported for more than 120 nodes."""
        return self._host(1 + self._checked(number))

    def proxied(self, number: int) -> str:
        """Where node ``number`` finds the proxy in place of all other nodes."""
        return self._host(1 + MOST_NODES + self._checked(number))

    def _checked(self, number: int) -> int:
        if number >= MOST_NODES:
            raise Unsupported(f"platform process runs at most {MOST_NODES} nodes: a block has no more addresses")
        return number

    def refuses(self, port: int) -> str | None:
        """Why a port cannot be listened on in this block, None where it can: whoever listens on it at 0.0.0.0 has it on
        every loopback address, too."""
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((self._host(252), port))
            except OSError as error:
                return error.strerror or str(error)
        return None

    def release(self) -> None:
        """Give the block back; idempotent."""
        with contextlib.suppress(OSError):
            self._socket.close()
