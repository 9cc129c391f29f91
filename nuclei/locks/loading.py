"""Load one lock by its name without importing all the others: ours, an installed package's, or a user's own lock from a
file or module."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TypeGuard
from zlib import crc32

from histories.spec import Spec
from nuclei.locks.base import Lock, LockEntry

CONTRACT = "lockquake.lock.Lock"
"""The name by which users import the contract."""


class LoadError(Exception):
    """A lock that cannot be loaded: one sentence with what was tried, what was seen, what to do."""


def load(name: str) -> LockEntry:
    """The lock called ``name``: a registered name, ``path/to/file.py:Class`` or ``package.module:Class``.

    A registered lock ``redis-set-nx-px`` lies in ``nuclei/locks/redis_set_nx_px.py``, an installed package's where its
    entry point says; only that module is imported. Raises UnknownName for a name nobody knows, LoadError for a file or
    class that cannot be used.
    """
    if ":" in name:
        return _own(name)
    module = f"nuclei.locks.{name.replace('-', '_')}"
    if name.replace("-", "").isalnum() and importlib.util.find_spec(module) is not None:
        entry = getattr(importlib.import_module(module), "LOCK", None)
        if isinstance(entry, LockEntry) and entry.name == name:
            return entry
    from nuclei.locks.installed import installed
    from nuclei.registry import lock

    return installed(name) or lock(name)


def anchored(name: str) -> str:
    """The same lock, found from any directory: its file's path made absolute."""
    place, _, attribute = name.rpartition(":")
    return f"{Path(place).resolve()}:{attribute}" if place.endswith(".py") else name


def _own(name: str) -> LockEntry:
    place, _, attribute = name.rpartition(":")
    module = _module(place, name)
    if not hasattr(module, attribute):
        own = [each for each, seen in vars(module).items() if _is_lock(seen) and seen.__module__ == module.__name__]
        there = f"; it has {', '.join(own)}" if own else f", nor any other that is derived from {CONTRACT}"
        raise LoadError(f"{place} has no class {attribute}{there}")
    return entry_of(getattr(module, attribute), name)


def entry_of(found: object, name: str) -> LockEntry:
    """The lock that a class derived from Lock is, described by the class itself; ``name``: what it was asked for as.
    Raises LoadError for what is no such class."""
    if isinstance(found, LockEntry):
        return found
    if not _is_lock(found):
        seen = "a class that is not" if inspect.isclass(found) else f"of type {type(found).__name__}, no class"
        raise LoadError(f"{name} is {seen} derived from {CONTRACT}")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise LoadError(f"{name}: the class lacks {missing}; define them (see docs/own-lock.md)")
    return LockEntry(
        name=name,
        summary=(inspect.getdoc(found) or "a user's own lock").partition("\n")[0],
        clusters=tuple(getattr(found, "clusters", ())),
        make=found,
        spec=getattr(found, "spec", _plain),
        defaults=dict(getattr(found, "defaults", {})),
        claims=tuple(getattr(found, "claims", ())),
        key_prefix=str(getattr(found, "key_prefix", "")),
    )


def _is_lock(found: object) -> TypeGuard[type[Lock]]:
    return inspect.isclass(found) and issubclass(found, Lock)


def _plain(settings: Mapping[str, float | int | str | bool]) -> Spec:
    """An owner mutex; with a lease where the settings have a ``ttl``, with a session where they have ``session``."""

    def ns(name: str) -> int | None:
        return int(float(settings[name]) * 1e9) if name in settings else None

    return Spec(lease_ns=ns("ttl"), session_ns=ns("session"))


def _module(place: str, name: str) -> ModuleType:
    try:
        return _file(Path(place).resolve(), name) if place.endswith(".py") else importlib.import_module(place)
    except LoadError:
        raise
    except Exception as error:
        raise LoadError(f"{name}: importing {place} failed with {type(error).__name__}: {error}") from error


def _file(path: Path, name: str) -> ModuleType:
    """The file as a module, once; like a script it finds the modules beside it."""
    title = f"lockquake_own_{path.stem}_{crc32(bytes(path)):08x}"
    if title in sys.modules:
        return sys.modules[title]
    if not path.is_file():
        raise LoadError(f"{name}: there is no file {path}; give its path from here, or the full one")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(title, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[title] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[title]
        raise
    return module
