"""``zk-persistent``: one *persistent* node; who creates it holds the lock until it deletes it.

Its mistake is kept on purpose: nothing ties the node to its holder's session, so a holder that dies leaves it for ever
and everybody else is blocked for ever. It is what ephemeral nodes are for: the negative control of ``zk-exclusive``,
from which it differs in that one flag. The same flag makes breaks of the session harmless: nothing lapses.

Source: F. Junqueira, B. Reed, ZooKeeper, 2013, "Persistent and ephemeral znodes" (a lock whose owner has crashed must
be released by somebody).
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
from nuclei.locks.zk_lock import BOOK, CLUSTERS, MAJORITY, MONOTONIC, RECOVERY_MARGIN_NS, SETTINGS, queue_promises
from nuclei.locks.zk_one_node import ZkOneNode

EPHEMERAL = f"{BOOK}, Persistent and ephemeral znodes"


class ZkPersistent(ZkOneNode):
    """The node outlives its session; a break of the session is no loss."""

    ephemeral = False


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex that never lapses. It promises (by silence) to be free once nobody is inside, so recovery is
    judged; refusals are spurious, because a server out of reach refuses as well."""
    return Spec(recovery_ns=RECOVERY_MARGIN_NS, **queue_promises(settings))  # type: ignore[arg-type]


LOCK = LockEntry(
    name="zk-persistent",
    summary="one persistent node: a dead holder blocks everybody for ever",
    clusters=CLUSTERS,
    make=ZkPersistent,
    spec=spec,
    defaults=SETTINGS,
    claims=(
        *kept(
            "mutual-exclusion", EPHEMERAL, NO_FAULT, PAUSE_WITHIN, PAUSE_BEYOND, CUT_WITHIN, CUT_BEYOND, HOLDER_KILLED
        ),
        *kept("mutual-exclusion", MAJORITY, SERVER_KILLED, SERVER_PAUSED, ISOLATED),
        *kept("mutual-exclusion", MONOTONIC, CLOCK_AHEAD, CLOCK_BACK),
        *lost("recovery", EPHEMERAL, HOLDER_KILLED, kind="never-came-back"),
    ),
)
