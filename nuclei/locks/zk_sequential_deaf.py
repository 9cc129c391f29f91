"""``zk-sequential-deaf``: the sequential recipe in a program that does not listen to SUSPENDED.

Its mistake is kept on purpose, because many programs make it: they wait for LOST, which sounds like the end of the
session. But a client library says LOST only when it is told so, after it could reconnect; until then a client that is
cut off believes in a session that the servers may have ended long ago, and somebody else may be inside. How it takes
the lock is as careful as ``zk-sequential``: the only difference is what it does not hear while it holds.

Sources: kazoo, "Listening for connection events" (SUSPENDED: the client should stop what it does until CONNECTED);
F. Junqueira, B. Reed, ZooKeeper, 2013, "Dealing with failure".
"""

from __future__ import annotations

from nuclei.locks.base import LockEntry
from nuclei.locks.claims import (
    CLOCK_AHEAD,
    CLOCK_BACK,
    CUT_BEYOND,
    CUT_WITHIN,
    HOLDER_KILLED,
    ISOLATED,
    NO_FAULT,
    PAUSE_BEYOND,
    PAUSE_WITHIN,
    SERVER_KILLED,
    SERVER_PAUSED,
    kept,
    lost,
)
from nuclei.locks.zk_lock import BOOK, BURROWS, CLUSTERS, GUIDE, MAJORITY, MONOTONIC, PAUSED, RECIPE, SETTINGS
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
        *kept("mutual-exclusion", RECIPE, NO_FAULT, HOLDER_KILLED),
        *kept("mutual-exclusion", GUIDE, PAUSE_WITHIN, CUT_WITHIN),
        *kept("mutual-exclusion", MAJORITY, SERVER_KILLED, SERVER_PAUSED, ISOLATED),
        *kept("mutual-exclusion", MONOTONIC, CLOCK_AHEAD, CLOCK_BACK),
        *lost("mutual-exclusion", f"{KAZOO}; {BOOK}", CUT_BEYOND, kind="overstay", cause="session-end"),
        *lost("mutual-exclusion", PAUSED, PAUSE_BEYOND, kind="overstay", cause="session-end"),
        *kept("lease", GUIDE, CUT_BEYOND, PAUSE_BEYOND),
        *kept("fencing-at-ledger", BURROWS, CUT_BEYOND, PAUSE_BEYOND),
        *kept("recovery", f"{GUIDE}: ephemeral nodes", HOLDER_KILLED),
    ),
)
