"""Probes of links: a request sent through a proxied loopback port, or from inside a node, and whether the right answer
came back."""

from __future__ import annotations

import socket
import time

from nuclei.locks.base import Endpoint
from nuclei.platforms.base import HarnessError, NodeSpec, Platform, node_via


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


def answers_inside(
    platform: Platform, source: str, target: NodeSpec, request: str, expected: str, timeout: float
) -> bool:
    """Whether ``expected`` begins the answer of ``target`` to ``request`` (escaped as for printf) when it is asked from
    inside ``source``, within ``timeout`` seconds. Bash opens the connection: it is in all images."""
    script = (
        f"exec 3<>/dev/tcp/{node_via(target.name)}/{target.port} && "
        f"printf '{request}' >&3 && read -r -N {len(expected)} said <&3"
    )
    argv = ["timeout", "-s", "KILL", f"{timeout:g}", "bash", "-c", f'{script} && echo "$said"']
    try:
        return platform.run(source, argv, timeout + 3.0).output.strip() == expected
    except HarnessError:
        return False
