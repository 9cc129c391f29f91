"""The observer of memcached: it reads the key, and the counters that tell why it went."""

from __future__ import annotations

import threading

from histories.vocabulary import EndReason
from histories.write import PartWriter
from nuclei.clusters.memcached_server import MemcachedServer
from nuclei.clusters.observers.polled import Held, Look, PolledNode
from nuclei.platforms.base import NodeSpec, Platform

_DELETIONS = ("delete_hits", "cas_hits")
"""A lock may be freed by writing a value that has expired already, under a condition: that counts as cas."""


class MemcachedWatch(PolledNode):
    """Watches ``key`` on one server. Counters are read when the value changes, so the two are a moment apart."""

    def __init__(self, platform: Platform, node: NodeSpec, key: str, writer: PartWriter, stop: threading.Event) -> None:
        super().__init__(platform, node.name, key, writer, stop)
        self._asked = MemcachedServer(platform, node)

    def look(self, timeout: float) -> Look:
        value = self._asked.value(self._key, timeout)
        held = {} if value is None else {self._key: Held(value)}
        before = self._last
        settled = before is not None and before.held == held and before.run == self._asked.run
        counts = before.counts if before is not None and settled else self._asked.counts(timeout)
        return Look("standalone", self._asked.run, held, counts)

    def reason(self, gone: Held, was: Look, now: Look) -> EndReason:
        """By the counter that grew; nothing is counted when a value's time is up."""

        def more(name: str) -> bool:
            return now.counts.get(name, 0) > was.counts.get(name, 0)

        if more("cmd_flush"):
            return "flushed"
        if more("evictions"):
            return "evicted"
        return "deleted" if any(map(more, _DELETIONS)) else "expired"

    def close(self) -> None:
        self._asked.close()
