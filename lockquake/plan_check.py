"""What a plan may say, checked before anything is started: settings like their defaults, names that exist."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import cast

from faults.families import family
from faults.grammar import BadArgument, scalar
from faults.schedule import FaultSpec, Trigger
from histories.vocabulary import POINTS
from nuclei.clusters.base import ClusterEntry
from nuclei.platforms.base import Platform, Unsupported
from nuclei.workloads.durations import SHAPES

Setting = float | int | str | bool

GROUPS = ("lock", "cluster", "workload", "ledger", "trial")
POSITIVE = frozenset(
    {"ttl", "session", "op_timeout", "retry", "tick", "down_after", "failover_timeout", "init_limit", "sync_limit"}
    | {"max_leases", "deadline", "requests", "budget", "stock", "copies", "ticks", "period", "segments"}
    | {"locks", "timeout", "node_timeout"}
)
"""Settings for which zero has no meaning: leases, sessions, time limits, clock ticks, work to be done."""
CHOICES: Mapping[str, Sequence[Setting]] = {
    "cluster.persistence": ("none", "aof"),
    "cluster.masters": (3, 5),
    "cluster.servers": (3, 5),
    "cluster.replicas": (0, 1, 2),
    "workload.order": ("fixed", "opposite"),
    "workload.hold_shape": SHAPES,
    "workload.think_shape": SHAPES,
}
MOST = 1e9
"""Largest number a setting may have; as seconds it still fits into 64 bits of nanoseconds."""


def known_setting(layers: Mapping[str, Mapping[str, Setting]], key: str) -> tuple[str, str]:
    """``lock.ttl`` → its group and name. Raises BadArgument for one that ``layers`` (group → defaults) has not."""
    group, dot, name = key.partition(".")
    if not dot or group not in layers:
        raise BadArgument(f"{key!r} is no setting; it begins with one of {', '.join(g + '.' for g in GROUPS)}")
    if name not in layers[group]:
        known = ", ".join(sorted(layers[group])) or "none"
        raise BadArgument(f"there is no setting {key!r}; {group} has: {known}")
    return group, name


def like_default(key: str, value: object, default: Setting) -> Setting:
    """The value as the type of its default: switches on or off, text text, numbers finite and in bounds (seconds for
    times, so ``500ms`` is 0.5), and one of its choices where it has some. Raises BadArgument."""
    typed = _typed(key, value, default)
    if typed not in CHOICES.get(key, (typed,)):
        raise BadArgument(f"{key}={value}: it is {' or '.join(map(str, CHOICES[key]))}")
    return typed


def _typed(key: str, value: object, default: Setting) -> Setting:
    if isinstance(default, str):
        if not isinstance(value, str):
            raise BadArgument(f"{key}={value!r}: a text is needed (default: {default!r})")
        return value
    seen = scalar(value) if isinstance(value, str) else value
    if isinstance(default, bool):
        if not isinstance(seen, bool):
            raise BadArgument(f"{key}={value}: on or off is needed (default: {'on' if default else 'off'})")
        return seen
    return _number(key, value, seen, default)


def _number(key: str, given: object, seen: object, default: float) -> float | int:
    name = key.partition(".")[2]
    wanted = f"(default: {default:g})"
    if isinstance(seen, bool) or not isinstance(seen, int | float) or not math.isfinite(seen):
        raise BadArgument(f"{key}={given}: a number is needed, or a time such as 2s or 500ms {wanted}")
    if abs(seen) > MOST:
        raise BadArgument(f"{key}={given}: at most {MOST:g} is possible {wanted}")
    if name in POSITIVE and seen <= 0:
        raise BadArgument(f"{key}={given}: it must be more than 0 {wanted}")
    if seen < 0 <= default:
        raise BadArgument(f"{key}={given}: it must not be negative {wanted}")
    # A user's own lock may write a time as a whole number by default, so `lock.ttl=1.5s` is fine there.
    if isinstance(default, int) and not key.startswith("lock.") and seen != int(seen):
        raise BadArgument(f"{key}={given}: a whole number is needed {wanted}")
    return int(seen) if isinstance(default, int) and seen == int(seen) else seen


def node_names(cluster: ClusterEntry, settings: Mapping[str, Setting]) -> list[str]:
    """The servers of a topology, the ledger apart; its description needs no platform."""
    nowhere = cast(Platform, None)
    wiring = cluster.make(nowhere, settings).wiring([])
    return [node.name for node in wiring.nodes if node.role != "ledger"]


def check_schedule(
    schedule: Sequence[FaultSpec], cluster: ClusterEntry, settings: Mapping[str, Setting], clients: int
) -> None:
    """Every fault of a schedule, on this cluster with clients c1 to c``clients``.

    Raises BadArgument or UnknownName for what cannot be understood, Unsupported for what cannot happen there."""
    names = [f"c{number}" for number in range(1, clients + 1)]
    nodes = node_names(cluster, settings) if schedule else []
    for spec in schedule:
        kind = family(spec)
        if reason := kind.impossible_with(spec, cluster, settings):
            raise Unsupported(reason)
        _trigger(spec, names)
        kind.check_names(spec, nodes, names)


def _trigger(spec: FaultSpec, clients: Sequence[str]) -> None:
    trigger: Trigger = spec.trigger
    if (trigger.point is None) == (trigger.after is None):
        raise BadArgument(f"fault {spec.name}: its trigger needs either a point or a time after the start")
    if trigger.point is not None and trigger.point not in POINTS:
        raise BadArgument(f"fault {spec.name}: at={trigger.point} is none of {', '.join(POINTS)}")
    if trigger.after is not None and not 0 <= trigger.after <= MOST:
        raise BadArgument(f"fault {spec.name}: at={trigger.after} is no time after the start in seconds")
    if trigger.client is not None and trigger.client not in clients:
        raise BadArgument(f"client={trigger.client}: no such client (this plan has {_span(clients)})")


def _span(clients: Sequence[str]) -> str:
    return clients[0] if len(clients) == 1 else f"{clients[0]} to {clients[-1]}"
