"""Probes of links: a request sent through a proxied loopback port, and whether the right answer came back."""

from __future__ import annotations

import socket
import time

from nuclei.locks.base import Endpoint


def answers(endpoint: Endpoint, request: bytes, expected: bytes, timeout: float) -> bool:
    """Whether ``expected`` begins the answer to ``request`` within ``timeout`` seconds, connecting included.

    Connecting proves nothing: a proxy accepts inside a partition.
    """
    deadline = time.monotonic() + timeout
    got = b""
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=timeout) as connection:
            connection.sendall(request)
            while len(got) < len(expected) and expected.startswith(got):
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                chunk = connection.recv(4096)
                if not chunk:
                    return False
                got += chunk
    except OSError:
        return False
    return got.startswith(expected)
