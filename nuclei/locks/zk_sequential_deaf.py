"""``zk-sequential-deaf``: the sequential recipe in a program that does not listen to SUSPENDED.

Its mistake is kept on purpose, because many programs make it: they wait for LOST, which sounds like the end of the
session. But a client library says LOST only when it is told so, after it could reconnect; until then a client that is
cut off believes in a session that the servers may have ended long ago, and somebody else may be inside. How it takes
the lock is as careful as ``zk-sequential``: the only difference is what it does not hear while it holds.

Sources: kazoo, "Listening for connection events" (SUSPENDED: the client should stop what it does until CONNECTED);
F. Junqueira, B. Reed, ZooKeeper, 2013, "Dealing with failure".
"""

from __future__ import annotations

from nuclei.locks.base import Claim, LockEntry
from nuclei.locks.zk_lock import BOOK, BURROWS, CLUSTERS, GUIDE, RECIPE, SETTINGS
from nuclei.locks.zk_sequential import ZkSequential, spec

KAZOO = "https://kazoo.readthedocs.io/en/latest/basic_usage.html#listening-for-connection-events"


class ZkSequentialDeaf(ZkSequential):
    """Leaves on LOST only."""

    def _broke(self, state: str) -> None:
        if state != "SUSPENDED":
            super()._broke(state)


LOCK = LockEntry(
    name="zk-sequential-deaf",
    summary="zk-sequential that ignores SUSPENDED and stays until LOST",
    clusters=CLUSTERS,
    make=ZkSequentialDeaf,
    spec=spec,
    defaults=SETTINGS,
    claims=(
        Claim(property="mutual-exclusion", fault="none", verdict="kept", source=RECIPE),
        Claim(property="mutual-exclusion", fault="client partition < session", verdict="kept", source=GUIDE),
        Claim(
            property="mutual-exclusion", fault="client partition > session", verdict="lost", source=f"{KAZOO}; {BOOK}"
        ),
        Claim(property="lease", fault="client partition > session", verdict="kept", source=GUIDE),
        Claim(property="fencing-at-ledger", fault="client partition > session", verdict="kept", source=BURROWS),
        Claim(property="recovery", fault="client kill", verdict="kept", source=f"{GUIDE}: ephemeral nodes"),
    ),
)
