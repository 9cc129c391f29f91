"""``kazoo-read-write``: kazoo's ``ReadLock`` and ``WriteLock`` on one path, unmodified and with their own defaults.

Both line up as ephemeral sequential nodes. A writer (``exclusive``) waits for everybody before it, a reader
(``shared``) for writers only, so readers are inside together. A reader behind a waiting writer waits for it, which
keeps writers from starving. The fencing token is the czxid of the own node.

Sources: kazoo 2.11, ``kazoo.recipe.lock.ReadLock`` and ``WriteLock``; ZooKeeper Recipes and Solutions, "Shared Locks";
see ``kazoo_recipe`` for what its holder listens to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, LockEntry
from nuclei.locks.claims import PAUSE_BEYOND, kept
from nuclei.locks.kazoo_recipe import DEAF, SESSION_CLAIMS, SETTINGS, KazooRecipe, granted_by_node
from nuclei.locks.zk_lock import BURROWS, CLUSTERS, spec_in_session


class KazooReadWrite(KazooRecipe):
    """``client.ReadLock(path, identifier)`` to read, ``client.WriteLock(path, identifier)`` to write."""

    def _make(self, client: Any, attempt: Attempt) -> Any:
        recipe = client.ReadLock if attempt.mode == "shared" else client.WriteLock
        return recipe(self.path, attempt.id)

    def _granted(self, client: Any, recipe: Any) -> Grant:
        return granted_by_node(client, recipe)


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """A read-write lock in a session, fenced; a reader is refused rightly while a writer waits: spurious refusals."""
    return msgspec.structs.replace(spec_in_session(settings, fenced=True), read_write=True)


LOCK = LockEntry(
    name="kazoo-read-write",
    summary="kazoo's ReadLock and WriteLock with their defaults (workload.read_share), fencing token = czxid",
    clusters=CLUSTERS,
    make=KazooReadWrite,
    spec=spec,
    defaults=SETTINGS,
    claims=(*SESSION_CLAIMS, *kept("fencing-at-ledger", BURROWS, PAUSE_BEYOND, DEAF)),
)
