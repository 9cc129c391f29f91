"""Redis nodes as every Redis cluster describes them: configuration files, commands, the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from nuclei.platforms.base import NODE_DATA, NODE_HOME, NODE_LISTEN, NodeSpec, node_host

REDIS_PORT = 6390
SENTINEL_PORT = 26390
LEDGER_PORT = 6380
LEDGER = "ledger"
_CONF = f"{NODE_HOME}/redis.conf"

# persistence: nothing survives a restart, the hardest case for a lock and the fastest for a test.
# notify-keyspace-events: the observer listens; costs nothing while nobody does.
_COMMON = """\
bind {listen}
protected-mode no
dir {data}
appendonly {appendonly}
{save}
notify-keyspace-events KEA
"""


def redis_node(
    name: str,
    port: int,
    *,
    role: str = "redis",
    lines: Sequence[str] = (),
    persistence: str = "none",
    overlay: str = "",
) -> NodeSpec:
    """A Redis server. ``lines``: further configuration of the topology. ``overlay``: the user's own lines, last.

    ``persistence``: ``none`` or ``aof`` (appendfsync always).
    """
    save = 'save ""' if persistence == "none" else 'save ""\nappendfsync always'
    common = _COMMON.format(
        listen=NODE_LISTEN, data=NODE_DATA, appendonly="yes" if persistence == "aof" else "no", save=save
    )
    text = f"port {port}\n{common}" + "".join(f"{line}\n" for line in lines) + (f"{overlay}\n" if overlay else "")
    return NodeSpec(
        name=name, role=role, image="redis", port=port, command=["redis-server", _CONF], files={_CONF: text}
    )


def replication_lines(name: str, port: int, primary: tuple[str, int] | None) -> list[str]:
    """Configuration of a server that is replicated, or (``primary`` given, as name and port) that is a replica."""
    lines = [
        f"replica-announce-ip {node_host(name)}",
        f"replica-announce-port {port}",
        "repl-diskless-sync-delay 0",  # a young replica must not be promoted empty: no waiting before it gets all data
    ]
    return lines if primary is None else [*lines, f"replicaof {node_host(primary[0])} {primary[1]}"]


def ledger_node() -> NodeSpec:
    """The store the lock is meant to protect: a Redis of its own, in a network of its own, never faulted."""
    return redis_node(LEDGER, LEDGER_PORT, role="ledger")
