"""``memcached-add``: ``add key owner T`` to take; only the first of several adds is stored.

Whole seconds are all that memcached knows: a lease is rounded up to them, and its clock ticks once a second, so that
an item added for T lives for more than T − 1 and at most T seconds (measured: 24 of 24). What a holder may count on is
T − 1, which is what its deadline and the spec say.

``delete=compare`` reads the value and deletes the key if it is its own, in two commands, because most clients know no
other way: what expires between the two is deleted for somebody else. ``delete=cas`` reads it together with its version
and writes, under the condition that the version is the same, a value that has expired already.

A cache promises to forget: a restart, a flush, or other items in need of memory end a lock early.

Sources: memcached's doc/protocol.txt ("add", "cas", "Expiration times"); memcached wiki, "Programming FAQ" (why it is
not for locks that must hold).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from histories.spec import Spec
from nuclei.locks.base import Attempt, Grant, LockContext, LockEntry
from nuclei.locks.claims import HOLDER_KILLED, NO_FAULT, PAUSE_BEYOND, PAUSE_WITHIN, SERVER_KILLED, kept, lost
from nuclei.locks.memcached_connection import MemcachedConnection
from nuclei.locks.redis_lock import GAP, RECOVERY_MARGIN_NS, SECOND_NS, TIMES, KeyLock

_TICK = 1
_GONE = -1
"""An expiry that makes an item expired at once."""


def whole_seconds(settings: Mapping[str, float | int | str | bool]) -> int:
    """T, in seconds: the setting ``ttl`` rounded up, two at least (of one nothing would be certain)."""
    return max(_TICK + 1, math.ceil(float(settings.get("ttl", 3))))


class MemcachedAdd(KeyLock):
    """The key holds the owner value of the attempt that took it."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        around = context.surroundings
        (name,) = around.nodes["memcached"]
        self._memcached = MemcachedConnection(around.endpoints[name], around.number("op_timeout", 0.5))
        self._seconds = whole_seconds(around.settings)
        self._by_version = around.settings.get("delete") == "cas"
        self._gap = around.number("gap", 0.0)

    def reach(self) -> None:
        """Be connected."""
        self._memcached.ready()

    def take(self, attempt: Attempt) -> Grant | None:
        """One atomic add; what is certain of the lease runs from before it was sent."""
        sent = time.monotonic_ns()
        value, seconds = attempt.owner.encode(), self._seconds
        if not self._memcached.ask("add", lambda client: client.add(self.key, value, expire=seconds, noreply=False)):
            return None
        return Grant(owner=attempt.owner, lease_until=sent + (seconds - _TICK) * SECOND_NS)

    def give_back(self, attempt: Attempt | None) -> bool:
        """Free the key if it still holds this attempt's owner value."""
        if attempt is None:
            return False
        value, version = self._memcached.ask("gets", lambda client: client.gets(self.key))
        if value != attempt.owner.encode():
            return False
        if self._gap > 0:
            time.sleep(self._gap)
        return bool(self._memcached.ask("cas" if self._by_version else "delete", lambda c: self._free(c, version)))

    def _free(self, client: Any, version: bytes) -> Any:
        if self._by_version:
            return client.cas(self.key, b"", version, expire=_GONE, noreply=False)
        return client.delete(self.key, noreply=False)

    def close(self) -> None:
        """Drop the connection."""
        self._memcached.close()


def spec(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex with a lease of T − 1 s, to be had again after T. Refusals are spurious: see ``redis-setnx``."""
    seconds = whole_seconds(settings)
    return Spec(lease_ns=(seconds - _TICK) * SECOND_NS, recovery_ns=seconds * SECOND_NS + RECOVERY_MARGIN_NS)


PROTOCOL = "memcached, doc/protocol.txt"
RESTART = "memcached wiki, Programming FAQ: a restart empties it"
KLEPPMANN = "M. Kleppmann, How to do distributed locking, 2016 (Protecting a resource with a lock)"

LOCK = LockEntry(
    name="memcached-add",
    summary="add with an owner value and a lease of whole seconds; freed after a look (delete=compare) or by cas",
    clusters=("memcached",),
    make=MemcachedAdd,
    spec=spec,
    defaults={"ttl": 3, "delete": "compare", **TIMES, **GAP},
    claims=(
        *kept("mutual-exclusion", f"{PROTOCOL}: add", NO_FAULT, PAUSE_WITHIN, HOLDER_KILLED),
        *kept("recovery", f"{PROTOCOL}: Expiration times", HOLDER_KILLED),
        *lost("mutual-exclusion", KLEPPMANN, PAUSE_BEYOND, kind="overstay", cause="lease-ran-out"),
        *lost("mutual-exclusion", RESTART, SERVER_KILLED, kind="double-grant", cause="restart"),
        *lost("lease", RESTART, SERVER_KILLED),
    ),
)
