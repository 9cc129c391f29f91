"""``kazoo-lock``: kazoo's ``Lock``, unmodified and with its own defaults.

Ephemeral sequential nodes, of which the lowest holds the lock and each waiter watches its predecessor. A node's name
begins with a uuid, so that a create whose reply was lost can be found. The fencing token is the czxid of the holder's
node: kazoo hands out none, but its node is public (``lock.path``, ``lock.node``) and one more request asks for it.

Known: a try whose connection breaks just before it tidies up leaves its node, which blocks everybody while its session
lives (kazoo #732).

Sources: kazoo 2.11, ``kazoo.recipe.lock.Lock``; see ``kazoo_recipe`` for what its holder listens to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, LockEntry
from nuclei.locks.claims import PAUSE_BEYOND, kept
from nuclei.locks.kazoo_recipe import DEAF, SESSION_CLAIMS, SETTINGS, KazooRecipe, granted_by_node
from nuclei.locks.zk_lock import BURROWS, CLUSTERS, spec_in_session


class KazooLock(KazooRecipe):
    """``client.Lock(path, identifier)``."""

    def _make(self, client: Any, attempt: Attempt) -> Any:
        return client.Lock(self.path, attempt.id)

    def _granted(self, client: Any, recipe: Any) -> Grant:
        return granted_by_node(client, recipe)


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex in a session, fenced."""
    return spec_in_session(settings, fenced=True)


LOCK = LockEntry(
    name="kazoo-lock",
    summary="kazoo's Lock with its defaults; leaves on SUSPENDED unless listen=off, fencing token = czxid",
    clusters=CLUSTERS,
    make=KazooLock,
    spec=spec,
    defaults=SETTINGS,
    claims=(*SESSION_CLAIMS, *kept("fencing-at-ledger", BURROWS, PAUSE_BEYOND, DEAF)),
)
