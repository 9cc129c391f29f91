"""Which node of a Redis Cluster a key lives on, asked of the nodes themselves.

A client asks any node for the map of slots and goes to the master of its key's slot; MOVED, ASK and CLUSTERDOWN, which
a server answers before it executes anything, make it ask again. Source: Redis Cluster specification, "Key distribution
model" and "Client-side: MOVED redirection"; CLUSTER SLOTS is there from 3.0 to 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nuclei.locks.base import Endpoint, LockError, Refused
from nuclei.locks.redis_connection import exchange, open_connection

ROLE = "redis-cluster"
"""The role under which clients are told of the nodes of a Redis Cluster."""


def slot_of(key: str) -> int:
    """The slot of a key: CRC16 of it, or of what stands in its first ``{…}``."""
    from redis.crc import key_slot

    return int(key_slot(key.encode()))


def announced(reply: Sequence[Any], slot: int) -> str | None:
    """``host:port`` of the master of a slot, as the reply to CLUSTER SLOTS says; None where nobody serves it."""
    for first, last, master, *_ in reply:
        if first <= slot <= last:
            return f"{master[0]}:{master[1]}"
    return None


def by_slot(
    nodes: Sequence[tuple[str, Endpoint]], book: Mapping[str, Endpoint], key: str, timeout: float
) -> Callable[[], Endpoint]:
    """Ask the nodes in turn where the master of the key's slot is, each time beginning with another one: whoever
    answered may be cut off, and name one that was replaced long ago.

    ``book``: announced ``host:port`` → where this client reaches it. Raises Refused when none of them knows.
    """
    order, slot = list(nodes), slot_of(key)

    def find() -> Endpoint:
        seen: list[str] = []
        for place in list(order):
            name, endpoint = place
            order.append(order.pop(0))
            try:
                connection = open_connection(endpoint, timeout)
                try:
                    master = announced(exchange(connection, "CLUSTER", "SLOTS"), slot)
                finally:
                    connection.disconnect()
            except LockError as error:
                seen.append(f"{name}: {error}")
                continue
            if master is not None and master in book:
                return book[master]
            seen.append(f"{name} says that {master} serves slot {slot}, which is not in this client's address book")
        raise Refused(f"no node named a master of slot {slot} that can be reached ({'; '.join(seen)})")

    return find
