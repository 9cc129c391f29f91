"""``zk-exclusive``: one ephemeral node; who creates it holds the lock, everybody else watches it and tries again.

The first lock most people write on ZooKeeper. Its node goes with its holder's session, so a dead holder blocks nobody
for longer. Its mistakes are kept on purpose: every release wakes all waiters, of whom one can win (the *herd effect*),
and who wins is chance, so a waiter may be overtaken for ever. It hands out no fencing token.

Sources: ZooKeeper Recipes and Solutions, "Locks" (which avoids the herd); F. Junqueira, B. Reed, ZooKeeper, 2013, "The
herd effect and the scalability of watches".
"""

from __future__ import annotations

from collections.abc import Mapping

from histories.spec import Spec
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
from nuclei.locks.zk_lock import BOOK, CLUSTERS, CROWD, GUIDE, MAJORITY, MONOTONIC, PAUSED, SETTINGS, spec_in_session
from nuclei.locks.zk_one_node import ZkOneNode

HERD = f"{BOOK}, The herd effect and the scalability of watches"


class ZkExclusive(ZkOneNode):
    """The node is ephemeral; a holder that is cut off leaves on SUSPENDED."""


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex in a session, unfenced. It promises nothing about order or wake-ups: those are told, and judged
    only where ``lock.judge_queue`` asks for it."""
    return spec_in_session(settings, fenced=False)


LOCK = LockEntry(
    name="zk-exclusive",
    summary="one ephemeral node, all losers watch it: herd, no fairness, no fencing token",
    clusters=CLUSTERS,
    make=ZkExclusive,
    spec=spec,
    defaults=SETTINGS,
    claims=(
        *kept("mutual-exclusion", GUIDE, NO_FAULT, PAUSE_WITHIN, CUT_WITHIN, CUT_BEYOND, HOLDER_KILLED),
        *kept("mutual-exclusion", MAJORITY, SERVER_KILLED, SERVER_PAUSED, ISOLATED),
        *kept("mutual-exclusion", MONOTONIC, CLOCK_AHEAD, CLOCK_BACK),
        *lost("mutual-exclusion", PAUSED, PAUSE_BEYOND, kind="overstay", cause="session-end"),
        *kept("lease", GUIDE, PAUSE_BEYOND),
        *kept("recovery", f"{GUIDE}: ephemeral nodes", HOLDER_KILLED),
        *lost("herd", HERD, CROWD),
        *lost("fairness", f"{HERD}: any of those woken may be next", CROWD),
    ),
)
