"""The observer of Redis clusters: per node one thread that listens to the key's notifications and reads the key.

Notifications give the moment and the reason, reading gives the owner value, ROLE and INFO the node's role and run.
Every node is watched on its own: after a failover two nodes may hold two owner values at once, which is the point.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from nuclei.clusters.base import Observer
from nuclei.clusters.observers.redis_node import RedisNodeWatch, RowWriter
from nuclei.clusters.observers.threads import start_all, stop_all
from nuclei.platforms.base import Platform


class RedisObserver(Observer):
    """Watches ``key`` on the nodes ``ports`` (name → port). ``prelude``: see :class:`Console`."""

    def __init__(
        self, platform: Platform, ports: Mapping[str, int], key: str, writer: RowWriter, prelude: Sequence[str] = ()
    ) -> None:
        self._stop = threading.Event()
        self._watches = [
            RedisNodeWatch(platform, node, port, key, writer, self._stop, prelude) for node, port in ports.items()
        ]
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; returns when every node's role and key were read once. Raises HarnessError after 10 s."""
        self._threads = start_all(self._watches, self.stop)

    def stop(self) -> None:
        """End all threads; a node that does not answer delays it by less than half a second."""
        self._stop.set()
        stop_all(self._threads, self._watches)
