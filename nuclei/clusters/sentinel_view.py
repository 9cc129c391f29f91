"""The Sentinel topology as its own servers see it: who is primary, what is missing, what has moved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nuclei.clusters.console import Console, ConsoleError, NoAnswer, Reply
from nuclei.clusters.sentinel_conf import MASTER_NAME
from nuclei.clusters.tended import side_by_side

_ASK_SECONDS = 0.5


@dataclass
class View:
    """What everybody says now. ``problems`` is empty when all is well and all agree on ``primary``."""

    primary: str | None = None
    epochs: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def missing(self) -> str | None:
        """What is not as it should be, or None."""
        return "; ".join(self.problems) or None


def records(reply: Reply) -> list[dict[str, str]]:
    """An array of field–value arrays, flattened: every record begins with the field ``name``."""
    found: list[dict[str, str]] = []
    for name, value in zip(reply[::2], reply[1::2], strict=False):
        if name == "name":
            found.append({})
        found[-1][str(name)] = str(value)
    return found


def view(consoles: Mapping[str, Console], redis: Mapping[str, int], sentinels: Iterable[str]) -> View:
    """Ask every node; ``redis``: name → port, by which addresses are told apart. A node that does not answer is a
    problem, not an exception."""
    servers = side_by_side(redis, lambda name: _replication(consoles[name]))
    sentinels = list(sentinels)
    watchers = side_by_side(sentinels, lambda name: _watching(consoles[name]))
    found = View()
    primaries = [name for name, info in servers.items() if info.get("role") == "master"]
    found.primary = primaries[0] if len(primaries) == 1 else None
    if found.primary is None:
        found.problems.append(f"masters by their own word: {', '.join(primaries) or 'none'}")
    for name, info in servers.items():
        found.problems += _server_problems(name, info, len(redis) - 1)
    for name, answers in watchers.items():
        found.problems += _watcher_problems(name, answers, found, redis, len(sentinels) - 1)
    return found


def _replication(console: Console) -> dict[str, str]:
    try:
        return console.info("replication", timeout=_ASK_SECONDS)
    except (NoAnswer, ConsoleError):
        return {}


def _watching(console: Console) -> list[list[dict[str, str]]]:
    commands = [("SENTINEL", what, MASTER_NAME) for what in ("MASTER", "REPLICAS", "SENTINELS")]
    try:
        return [records(reply) for reply in console.ask_all(commands, timeout=_ASK_SECONDS)]
    except (NoAnswer, ConsoleError):
        return []


def _server_problems(name: str, info: Mapping[str, str], replicas: int) -> list[str]:
    if not info:
        return [f"{name} does not answer"]
    if info["role"] == "slave":
        up = info.get("master_link_status") == "up"
        return [] if up else [f"{name} is not linked to its primary {info.get('master_host')}"]
    online = sum("state=online" in value for key, value in info.items() if re.fullmatch(r"slave\d+", key))
    return [] if online == replicas else [f"{name} has {online} replicas online instead of {replicas}"]


def _watcher_problems(
    name: str, answers: list[list[dict[str, str]]], found: View, redis: Mapping[str, int], others: int
) -> list[str]:
    if not answers:
        return [f"{name} does not answer"]
    (master, *_), known_replicas, known_others = answers[0] or [{}], answers[1], answers[2]
    found.epochs[name] = int(master.get("config-epoch", -1))
    problems = []
    if master.get("port") != str(redis.get(found.primary or "")) or master.get("flags") != "master":
        problems.append(f"{name} sees {master.get('ip')} ({master.get('flags')}) as the primary")
    healthy = [r for r in known_replicas if r["flags"] == "slave" and r.get("master-link-status") == "ok"]
    replicas = len(redis) - 1
    if len(healthy) != replicas or len(known_replicas) != replicas:
        said = ", ".join(f"{r['name']} ({r['flags']}, link {r.get('master-link-status')})" for r in known_replicas)
        problems.append(f"{name} sees the replicas {said or 'none'}")
    if len(known_others) != others or any(other["flags"] != "sentinel" for other in known_others):
        said = ", ".join(f"{other['name']} ({other['flags']})" for other in known_others)
        problems.append(f"{name} sees the sentinels {said or 'none'}")
    return problems


@dataclass(frozen=True)
class Snapshot:
    """Which runs of the servers these are, in which roles: equal snapshots mean that nobody restarted or moved."""

    runs: Mapping[str, str]
    roles: Mapping[str, str]


def snapshot(consoles: Mapping[str, Console], redis: list[str], sentinels: list[str]) -> Snapshot | None:
    """Ask every node; None when one does not answer."""

    def one(name: str) -> tuple[str, str]:
        run = consoles[name].info("server", timeout=_ASK_SECONDS)["run_id"]
        return run, str(consoles[name].ask("ROLE", timeout=_ASK_SECONDS)[0])

    try:
        said = side_by_side([*redis, *sentinels], one)
    except (NoAnswer, ConsoleError, KeyError):
        return None
    return Snapshot({name: run for name, (run, _) in said.items()}, {name: role for name, (_, role) in said.items()})


def elections(log: str) -> int:
    """How often a sentinel saw a failover begin (its own or another's): lines with ``+new-epoch``."""
    return log.count(" +new-epoch ")


def tilts(log: str) -> int:
    """How often a sentinel went into TILT mode: it was frozen or starved for 2 s, and does nothing for 30 s."""
    return log.count(" +tilt ")
