"""The observer of Redis clusters: per node one thread that listens to the key's notifications and reads the key.

Notifications give the moment and the reason, reading gives the owner value, ROLE and INFO the node's role and run.
Every node is watched on its own: after a failover two nodes may hold two owner values at once, which is the point.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from histories.write import PartWriter
from nuclei.clusters.base import Observer
from nuclei.clusters.observers.redis_node import RedisNodeWatch
from nuclei.platforms.base import HarnessError, Platform

_START_SECONDS = 10.0
_STOP_SECONDS = 1.5


class RedisObserver(Observer):
    """Watches ``key`` on the nodes ``ports`` (name → port)."""

    def __init__(self, platform: Platform, ports: Mapping[str, int], key: str, writer: PartWriter) -> None:
        self._stop = threading.Event()
        self._watches = [RedisNodeWatch(platform, node, port, key, writer, self._stop) for node, port in ports.items()]
        self._threads = [
            threading.Thread(target=watch.work, name=f"observe-{watch.node}", daemon=True) for watch in self._watches
        ]

    def start(self) -> None:
        """Begin; returns when every node's role and key were read once. Raises HarnessError after 10 s."""
        for thread in self._threads:
            thread.start()
        deadline = time.monotonic() + _START_SECONDS
        for watch in self._watches:
            if not watch.seen.wait(max(0.0, deadline - time.monotonic())):
                self.stop()
                raise HarnessError(
                    f"the observer did not see {watch.node} within {_START_SECONDS:g} s; last: {watch.trouble}; "
                    "is the node frozen or dead?"
                )

    def stop(self) -> None:
        """End all threads; a node that does not answer delays it by less than half a second."""
        self._stop.set()
        deadline = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        for watch in self._watches:
            watch.close()
