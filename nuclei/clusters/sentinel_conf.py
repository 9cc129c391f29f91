"""Sentinels as configuration: everything they would otherwise discover is written beforehand.

With ``myid``, ``known-replica`` and ``known-sentinel`` lines three sentinels know each other and both replicas from
their first second on; without them discovery takes an INFO period (10 s) and two hello periods. Names instead of
addresses (``resolve-hostnames``, ``announce-hostnames``) because every node has another address for every other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from nuclei.platforms.base import NODE_DATA, NODE_HOME, NODE_LISTEN, NodeSpec, node_host

MASTER_NAME = "mymaster"
_CONF = f"{NODE_HOME}/sentinel.conf"
# Servers start side by side; a sentinel that is up long before its primary would begin with a failover. Tries are
# bounded: when it starts again after a failover, the server it was configured with may be gone for good.
_AFTER_THE_PRIMARY = f"""
tries=0
until [ $tries -ge 40 ] || timeout 1 redis-cli -h "$1" -p "$2" PING 2>/dev/null | grep -q PONG; do
    tries=$((tries + 1)); sleep 0.1
done
exec redis-server {_CONF} --sentinel
"""


def sentinel_id(name: str) -> str:
    """A fixed id of 40 hexadecimal digits, so that the others can be told beforehand."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def sentinel_node(
    name: str,
    sentinels: Mapping[str, int],
    primary: tuple[str, int],
    replicas: Mapping[str, int],
    *,
    quorum: int,
    down_after: float,
    failover_timeout: float,
    overlay: Sequence[str] = (),
) -> NodeSpec:
    """The sentinel ``name`` of ``sentinels`` (name → port). Times in seconds. ``overlay``: the user's own lines."""
    watch = f"sentinel {{}} {MASTER_NAME}"
    lines = [
        f"port {sentinels[name]}",
        f"bind {NODE_LISTEN}",
        "protected-mode no",
        f"dir {NODE_DATA}",
        "sentinel resolve-hostnames yes",
        "sentinel announce-hostnames yes",
        f"sentinel announce-ip {node_host(name)}",
        f"sentinel announce-port {sentinels[name]}",
        f"sentinel myid {sentinel_id(name)}",
        f"{watch.format('monitor')} {node_host(primary[0])} {primary[1]} {quorum}",
        f"{watch.format('down-after-milliseconds')} {down_after * 1000:.0f}",
        f"{watch.format('failover-timeout')} {failover_timeout * 1000:.0f}",
        f"{watch.format('parallel-syncs')} 2",
        *(f"{watch.format('known-replica')} {node_host(replica)} {port}" for replica, port in replicas.items()),
        *(
            f"{watch.format('known-sentinel')} {node_host(other)} {port} {sentinel_id(other)}"
            for other, port in sentinels.items()
            if other != name
        ),
        *(line for line in overlay if line),
    ]
    return NodeSpec(
        name=name,
        role="sentinel",
        image="redis",
        port=sentinels[name],
        command=["sh", "-c", _AFTER_THE_PRIMARY, "sentinel", node_host(primary[0]), str(primary[1])],
        files={_CONF: "\n".join(lines) + "\n"},
    )
