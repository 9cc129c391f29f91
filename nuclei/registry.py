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
    """All locks by name: ours, then those of installed packages, which are imported for it."""
    from nuclei.locks.installed import all_installed

    return own_locks() | all_installed(own_locks())[0]


def own_locks() -> dict[str, LockEntry]:
    """The locks of this project by name."""
    return _entries("nuclei.locks", "LOCK")


def unusable_locks() -> list[str]:
    """Why locks that installed packages offer cannot be used, a sentence each."""
    from nuclei.locks.installed import all_installed

    return all_installed(own_locks())[1]


def lock(name: str) -> LockEntry:
    """The lock called ``name``; of installed packages only the one that offers it is imported. Raises UnknownName,
    LoadError."""
    from nuclei.locks.installed import installed, offered

    entry: LockEntry | None = own_locks().get(name) or installed(name)
    return entry or pick("lock", name, dict.fromkeys([*own_locks(), *offered()]))


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
