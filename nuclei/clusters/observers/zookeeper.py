"""The observer of ZooKeeper: per server one thread that reads its mode and the ephemeral nodes it knows of.

Every server applies the same transactions, each at its own time; a server that was cut off shows what it last heard.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from histories.write import PartWriter
from nuclei.clusters.base import Observer
from nuclei.clusters.observers.threads import start_all, stop_all
from nuclei.clusters.observers.zookeeper_node import ZooKeeperNodeWatch
from nuclei.platforms.base import Platform


class ZooKeeperObserver(Observer):
    """Watches the children of ``path`` on the servers ``ports`` (name → client port)."""

    def __init__(self, platform: Platform, ports: Mapping[str, int], path: str, writer: PartWriter) -> None:
        self._stop = threading.Event()
        self._watches = [
            ZooKeeperNodeWatch(platform, node, port, path, writer, self._stop) for node, port in ports.items()
        ]
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; returns when every server's mode and nodes were read once. Raises HarnessError after 10 s."""
        self._threads = start_all(self._watches, self.stop)

    def stop(self) -> None:
        """End all threads; a server that does not answer delays it by less than half a second."""
        self._stop.set()
        stop_all(self._threads, self._watches)
