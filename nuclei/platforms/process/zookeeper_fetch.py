"""ZooKeeper's jars without root, from Debian's packages (:mod:`~.debian_packages`).

What lands in the cache is laid out like an official release, ``zookeeper-VERSION/lib/*.jar``: zookeeper.jar, everything
that manifests name from there on, and a logger; no Java.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from nuclei.platforms.process.debian_packages import FetchFailed, Packages, fetching, keep, version_order
from nuclei.platforms.process.zookeeper_jars import OLDEST, ROOT_VARIABLE, version_in

PACKAGE = "libzookeeper-java"
_TITLE = "ZooKeeper's jars"
_ADVICE = f"unpack a release of https://zookeeper.apache.org and name its directory with {ROOT_VARIABLE}"
_LOGGER = "slf4j-simple.jar"


def fetch(say: Callable[[str], None]) -> Path:
    """Bring the jars into the cache and return their release directory. Raises FetchFailed; takes some seconds."""
    with fetching(_TITLE, PACKAGE, _ADVICE) as packages:
        say("zookeeper: downloading Debian's packages of its jars (15 MB)")
        # What it depends on directly is where the jars of its class path are.
        (package,) = packages.bring([PACKAGE])
        packages.bring(packages.depends(package))
        return _install(packages)


def _install(packages: Packages) -> Path:
    """Put the jars that are needed into the cache."""
    java = packages.system / "usr/share/java"
    version = version_in(java)
    if version is None or version_order(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise FetchFailed(
            f"this machine's package sources have ZooKeeper {version or 'in an unknown form'}, {oldest} or later is "
            f"needed; {_ADVICE}"
        )
    release = packages.scratch / "release"
    (release / "lib").mkdir(parents=True)
    for jar in class_path(java):
        shutil.copy(jar, release / "lib" / (f"zookeeper-{version}.jar" if jar.name == "zookeeper.jar" else jar.name))
    return keep(release, f"zookeeper-{version}", _TITLE)


def class_path(java: Path) -> list[Path]:
    """zookeeper.jar, a logger, and what their manifests name, as far as it is there (jline is only for the shell)."""
    found: dict[str, Path] = {}
    pending = ["zookeeper.jar", _LOGGER]
    while pending:
        name = pending.pop(0)
        jar = java / name
        if name in found or not jar.exists():
            continue
        found[name] = jar
        pending += [Path(entry).name for entry in _manifest_class_path(jar)]
    if lacking := {"zookeeper.jar", "zookeeper-jute.jar", "slf4j-api.jar", _LOGGER} - found.keys():
        raise FetchFailed(f"Debian's packages of ZooKeeper lack {', '.join(sorted(lacking))}; please report it")
    return list(found.values())


def _manifest_class_path(jar: Path) -> list[str]:
    """The Class-Path of a manifest; its lines are cut at 72 bytes and go on after a space."""
    with zipfile.ZipFile(jar) as archive:
        try:
            text = archive.read("META-INF/MANIFEST.MF").decode("utf-8", "replace")
        except KeyError:
            return []
    joined = re.sub(r"\r?\n ", "", text)
    match = re.search(r"^Class-Path: *(.*)$", joined, re.MULTILINE)
    return match[1].split() if match else []
