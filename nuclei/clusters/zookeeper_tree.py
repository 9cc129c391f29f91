"""What is done to the nodes of an ensemble between and beside trials, through the client library (the servers' images
have no quick client)."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from nuclei.clusters.clocks import Ahead, compare
from nuclei.locks.base import Endpoint
from nuclei.platforms.base import HarnessError

_CONNECT_SECONDS = 5.0
_CLOCK_NODE = "/lockquake-clock-"


def remove_tree(endpoints: Sequence[Endpoint], path: str) -> int:
    """Delete ``path`` and everything below, and trees whose names begin with its name and a dash, which recipes put
    beside it, or a colon, which are further locks of a workload; returns how many nodes went. Raises HarnessError."""
    from kazoo.exceptions import NoNodeError

    removed = 0
    with _connected(endpoints, f"{path} could not be removed") as client:
        beside = [f"/{name}" for name in client.get_children("/") if f"/{name}".startswith((f"{path}-", f"{path}:"))]
        for tree in (path, *beside):
            with contextlib.suppress(NoNodeError):
                for child in client.get_children(tree):
                    removed += _delete(client, f"{tree}/{child}")
                removed += _delete(client, tree)
    return removed


def leader_ahead(endpoints: Sequence[Endpoint]) -> Ahead:
    """How far the leader's wall clock is ahead of ours: it dates every transaction, so the birth of a new node. Raises
    HarnessError."""
    with _connected(endpoints, "the leader could not be asked for its wall time") as client:
        made: list[str] = []

        def born() -> float:
            path, stat = client.create_async(_CLOCK_NODE, sequence=True, include_data=True).get(
                timeout=_CONNECT_SECONDS
            )
            made.append(path)
            return float(stat.created)

        ahead = compare(born)
        _delete(client, made[0])
        return ahead


@contextlib.contextmanager
def _connected(endpoints: Sequence[Endpoint], failure: str) -> Iterator[Any]:
    """A client; what goes wrong is said as a HarnessError that begins with ``failure``."""
    from kazoo.client import KazooClient
    from kazoo.exceptions import KazooException
    from kazoo.handlers.threading import KazooTimeoutError

    quiet = logging.getLogger("lockquake.zookeeper_tree")
    quiet.setLevel(logging.CRITICAL)
    hosts = ",".join(f"{endpoint.host}:{endpoint.port}" for endpoint in endpoints)
    client = KazooClient(hosts=hosts, timeout=4.0, logger=quiet)
    try:
        client.start(timeout=_CONNECT_SECONDS)
        yield client
    except (KazooException, KazooTimeoutError) as error:
        raise HarnessError(f"{failure} (ZooKeeper at {hosts}): {error!r}") from error
    finally:
        with contextlib.suppress(Exception):
            client.stop()
        with contextlib.suppress(Exception):
            client.close()


def _delete(client: Any, path: str) -> int:
    from kazoo.exceptions import NoNodeError

    try:
        client.delete(path, recursive=True)
    except NoNodeError:
        return 0
    return 1
