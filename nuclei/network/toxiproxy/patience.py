"""Upstream ports that are dialled again when they refuse (an addition to the original, off unless asked for).

A TCP proxy has accepted before it knows whether its upstream listens, so a client that comes a moment too early is
accepted and closed where it would have been refused. Some retry only the latter: a ZooKeeper follower connects to its
new leader while that still opens its port, and takes the close for the end of the leader's reign.
"""

from __future__ import annotations

from collections.abc import Mapping


def parse(text: str) -> dict[int, float]:
    """``2881,2882=0.5``: port → seconds. Raises ValueError for anything else."""
    ports, _, seconds = text.partition("=")
    return {int(port): float(seconds) for port in ports.split(",")}


def of_upstream(patience: Mapping[int, float], upstream: str) -> float:
    """How many seconds to go on dialling ``upstream`` (host:port)."""
    port = upstream.rpartition(":")[2]
    return patience.get(int(port), 0.0) if port.isdigit() else 0.0
