"""``kazoo-semaphore``: kazoo's ``Semaphore``, unmodified and with its own defaults but for ``max_leases``.

A node holds one ephemeral child per permit in use. Who wants one takes a ``Lock`` beside that node first, so that one
client at a time counts the children and waits for one to go. Its lease nodes have no order that a resource could check
(two holders are as they should be), so there is no fencing token.

Sources: kazoo 2.11, ``kazoo.recipe.lock.Semaphore``; see ``kazoo_recipe`` for what its holder listens to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, LockContext, LockEntry
from nuclei.locks.kazoo_recipe import SESSION_CLAIMS, SETTINGS, KazooRecipe
from nuclei.locks.zk_lock import CLUSTERS, spec_in_session

MAX_LEASES = 2
"""Permits; kazoo's own default of 1 would be a mutex."""


class KazooSemaphore(KazooRecipe):
    """``client.Semaphore(path, identifier, max_leases)``."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        self._permits = int(context.surroundings.number("max_leases", MAX_LEASES))

    def _make(self, client: Any, attempt: Attempt) -> Any:
        return client.Semaphore(self.path, attempt.id, max_leases=self._permits)

    def _granted(self, client: Any, recipe: Any) -> Grant:
        """The owner is the name of the lease node, which observers see."""
        return Grant(owner=recipe.create_path.rpartition("/")[2])


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """A semaphore in a session; a contender ahead in the line refuses rightly: spurious refusals."""
    permits = int(settings.get("max_leases", MAX_LEASES))
    return msgspec.structs.replace(spec_in_session(settings, fenced=False), permits=permits)


LOCK = LockEntry(
    name="kazoo-semaphore",
    summary="kazoo's Semaphore with its defaults, max_leases permits",
    clusters=CLUSTERS,
    make=KazooSemaphore,
    spec=spec,
    defaults={**SETTINGS, "max_leases": MAX_LEASES},
    claims=SESSION_CLAIMS,
)
