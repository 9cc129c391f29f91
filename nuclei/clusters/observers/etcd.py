"""The observer of etcd: per server what it alone knows of the lock's keys, and whether it leads.

Every server applies the same writes, each at its own time; one that was cut off shows what it last heard.
"""

from __future__ import annotations

import threading

from histories.vocabulary import EndReason
from histories.write import PartWriter
from nuclei.clusters.etcd_server import EtcdServer
from nuclei.clusters.observers.polled import Held, Look, PolledNode
from nuclei.platforms.base import NodeSpec, Platform


class EtcdWatch(PolledNode):
    """Watches the keys below ``prefix`` on one server: all contenders, of whom the oldest holds the lock."""

    interval = 0.1

    def __init__(
        self, platform: Platform, node: NodeSpec, prefix: str, writer: PartWriter, stop: threading.Event
    ) -> None:
        super().__init__(platform, node.name, prefix, writer, stop)
        self._asked = EtcdServer(platform, node)

    def look(self, timeout: float) -> Look:
        status = self._asked.status(timeout)
        items = self._asked.items(self._key, timeout)
        held = {item.key: Held(item.value, session=f"{item.lease:x}", fence=item.created) for item in items}
        gone = any(held.get(key) != was for key, was in self._held.items())
        leases = self._asked.leases(timeout) if gone else ()
        return Look(status.role, self._asked.run, held, sessions=frozenset(f"{lease:x}" for lease in leases))

    def reason(self, gone: Held, was: Look, now: Look) -> EndReason:
        """Its lease ended, or somebody deleted it."""
        return "deleted" if gone.session in now.sessions else "session-end"

    def reason_of_restart(self, gone: Held, was: Look, now: Look) -> EndReason:
        """A server that is started again has what it had."""
        return self.reason(gone, was, now)

    def close(self) -> None:
        self._asked.close()
