"""Where ZooKeeper's jars are: an official release that the user names, Debian's package, or what set-up unpacked.

A release keeps everything it needs in ``lib``. Debian's ``zookeeper.jar`` names the rest in its manifest by absolute
paths, apart from the logging that the launcher adds. What set-up unpacks (:mod:`~.zookeeper_fetch`) is laid out like a
release, so that there are two kinds and not three.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from nuclei.platforms.process.debian_packages import cache_root, unpacked, version_order

ROOT_VARIABLE = "LOCKQUAKE_ZOOKEEPER"
"""Names an unpacked release (a directory with lib/*.jar): from the user to us, and from us to the node's launcher."""
DEBIAN_JARS = Path("/usr/share/java")
# What the ensemble's configuration has been tried with; before 3.5 its whitelist and switches are not understood.
OLDEST = (3, 8)


class Jars(NamedTuple):
    """A usable ZooKeeper. ``root``: the release's directory, None for Debian's package. ``version``: ``3.8.0``."""

    root: Path | None
    version: str
    where: str


def find() -> Jars | str:
    """The jars to use, or why there are none. What the user names is used or refused, never passed over."""
    if named := os.environ.get(ROOT_VARIABLE):
        return _judged(Path(named).absolute(), f"{ROOT_VARIABLE}={named}")
    refused = ""
    if version := version_in(DEBIAN_JARS):
        refused = _too_old(version, f"in {DEBIAN_JARS}")
        if not refused:
            return Jars(None, version, str(DEBIAN_JARS))
    for root in unpacked("zookeeper"):
        if isinstance(found := _judged(root, str(root)), Jars):
            return found
    return refused or f"no ZooKeeper jars in {DEBIAN_JARS} or {cache_root()}"


def _judged(root: Path, called: str) -> Jars | str:
    if (version := version_in(root / "lib")) is None:
        return f"{called} is no unpacked ZooKeeper release (it has no lib/zookeeper-VERSION.jar)"
    return _too_old(version, f"at {called}") or Jars(root, version, str(root))


def _too_old(version: str, where: str) -> str:
    """Why this version will not do, or an empty string."""
    if version_order(version) >= OLDEST:
        return ""
    return f"ZooKeeper {version} {where} is older than {'.'.join(map(str, OLDEST))}"


def version_in(directory: Path) -> str | None:
    """The newest version among ``zookeeper-VERSION.jar`` in a directory (Debian keeps it as a symbolic link)."""
    names = (re.fullmatch(r"zookeeper-(\d+\.\d+[\w.+~-]*)\.jar", path.name) for path in directory.glob("zookeeper-*"))
    return max((name[1] for name in names if name), key=version_order, default=None)
