"""Remove a lock's nodes between two trials, through the client library (the servers' images have no quick client)."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

from nuclei.locks.base import Endpoint
from nuclei.platforms.base import HarnessError

_CONNECT_SECONDS = 5.0


def remove_tree(endpoints: Sequence[Endpoint], path: str) -> int:
    """Delete ``path`` and everything below; returns how many nodes went. Raises HarnessError."""
    from kazoo.client import KazooClient
    from kazoo.exceptions import KazooException, NoNodeError
    from kazoo.handlers.threading import KazooTimeoutError

    quiet = logging.getLogger("lockquake.zookeeper_tree")
    quiet.setLevel(logging.CRITICAL)
    hosts = ",".join(f"{endpoint.host}:{endpoint.port}" for endpoint in endpoints)
    client = KazooClient(hosts=hosts, timeout=4.0, logger=quiet)
    removed = 0
    try:
        client.start(timeout=_CONNECT_SECONDS)
        with contextlib.suppress(NoNodeError):
            for child in client.get_children(path):
                removed += _delete(client, f"{path}/{child}")
            removed += _delete(client, path)
    except (KazooException, KazooTimeoutError) as error:
        raise HarnessError(f"{path} could not be removed from ZooKeeper at {hosts}: {error!r}") from error
    finally:
        with contextlib.suppress(Exception):
            client.stop()
        with contextlib.suppress(Exception):
            client.close()
    return removed


def _delete(client: object, path: str) -> int:
    from kazoo.exceptions import NoNodeError

    try:
        client.delete(path, recursive=True)  # type: ignore[attr-defined]
    except NoNodeError:
        return 0
    return 1
