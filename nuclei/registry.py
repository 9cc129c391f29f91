"""Find locks, clusters and workloads: every module of their package that holds the agreed constant.

Adding one is adding a file. Names are looked up with a hint at the nearest known ones.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nuclei.clusters.base import ClusterEntry
    from nuclei.locks.base import LockEntry
    from nuclei.workloads.base import WorkloadEntry


class UnknownName(Exception):
    """A lock, cluster, workload or fault nobody knows; the message lists what is known."""


@cache
def _entries(package: str, constant: str) -> dict[str, Any]:
    home = importlib.import_module(package)
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(home.__path__):
        entry = getattr(importlib.import_module(f"{package}.{module.name}"), constant, None)
        if entry is not None:
            found[entry.name] = entry
    return dict(sorted(found.items()))


def pick(kind: str, name: str, known: dict[str, Any]) -> Any:
    """The entry called ``name``. Raises UnknownName with the nearest known names."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
    raise UnknownName(f"there is no {kind} {name!r}; {hint} (`lockquake list` shows all)")


def locks() -> dict[str, LockEntry]:
    """All locks by name."""
    return _entries("nuclei.locks", "LOCK")


def lock(name: str) -> LockEntry:
    """The lock called ``name``; raises UnknownName."""
    entry: LockEntry = pick("lock", name, dict(locks()))
    return entry


def clusters() -> dict[str, ClusterEntry]:
    """All clusters by name."""
    return _entries("nuclei.clusters", "CLUSTER")


def cluster(name: str) -> ClusterEntry:
    """The cluster called ``name``; raises UnknownName."""
    entry: ClusterEntry = pick("cluster", name, dict(clusters()))
    return entry


def workloads() -> dict[str, WorkloadEntry]:
    """All workloads by name."""
    return _entries("nuclei.workloads", "WORKLOAD")


def workload(name: str) -> WorkloadEntry:
    """The workload called ``name``; raises UnknownName."""
    entry: WorkloadEntry = pick("workload", name, dict(workloads()))
    return entry
