"""Locks of installed packages: the entry points of the group ``lockquake.locks``.

An entry's name is the lock's name, its value a class derived from Lock (as in a user's own file) or a LockEntry. Which
there are is read from the packages' metadata; a package is imported when its lock is asked for, or all are listed. One
that cannot be used is said in one sentence that names its distribution, and keeps nobody else from working.
"""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points

from nuclei.locks.base import LockEntry
from nuclei.locks.loading import LoadError, entry_of

GROUP = "lockquake.locks"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def offered() -> dict[str, list[EntryPoint]]:
    """The entry points of the group by name; several where several packages use the same one."""
    found: dict[str, list[EntryPoint]] = defaultdict(list)
    for point in entry_points(group=GROUP):
        found[point.name].append(point)
    return dict(sorted(found.items()))


def installed(name: str) -> LockEntry | None:
    """The lock that an installed package calls ``name``, None where none does. Raises LoadError."""
    points = offered().get(name)
    return None if points is None else _usable(points)


def all_installed(ours: Collection[str]) -> tuple[dict[str, LockEntry], list[str]]:
    """The locks of installed packages by name, and why others cannot be used, a sentence each. ``ours``: the names that
    are taken."""
    locks: dict[str, LockEntry] = {}
    wrong: list[str] = []
    for name, points in offered().items():
        try:
            if name in ours:
                who = _distributions(points)
                raise LoadError(
                    f"{who} offers a lock called {name!r}, but that is Lockquake's own; rename its entry point"
                )
            locks[name] = _usable(points)
        except LoadError as error:
            wrong.append(str(error))
    return locks, wrong


def _usable(points: list[EntryPoint]) -> LockEntry:
    """The lock of an entry point. Raises LoadError."""
    point, who = points[0], _distributions(points)
    if len(points) > 1:
        raise LoadError(f"{who} both offer a lock called {point.name!r}; uninstall one of them")
    if not _NAME.fullmatch(point.name):
        raise LoadError(f"{who} offers a lock called {point.name!r}; a name has letters, digits, '.', '_' and '-' only")
    try:
        found = point.load()
    except (Exception, SystemExit) as error:
        raise LoadError(
            f"the lock {point.name!r} of {who} cannot be loaded: importing {point.value} failed with "
            f"{type(error).__name__}: {error}"
        ) from error
    try:
        entry = entry_of(found, point.value)
    except LoadError as error:
        raise LoadError(f"the lock {point.name!r} of {who} cannot be used: {error}") from error
    package = (point.dist.name,) if point.dist is not None else ()
    return dataclasses.replace(entry, name=point.name, libraries=(*package, *entry.libraries))


def _distributions(points: list[EntryPoint]) -> str:
    return " and ".join(f"{point.dist.name} {point.dist.version}" for point in points if point.dist is not None)
