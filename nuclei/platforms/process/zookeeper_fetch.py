"""ZooKeeper's jars without root: Debian's packages, downloaded and unpacked in the user's own cache directory.

apt-get needs no root to download, and checks every package against the archive's signature. Where the machine's package
lists are absent or name packages that are gone, lists of our own are fetched for the moment. What lands in the cache is
laid out like an official release, ``zookeeper-VERSION/lib/*.jar``: zookeeper.jar, everything that manifests name from
there on, and a logger; no Java. A directory there is complete: it is unpacked beside and renamed.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from nuclei.platforms.base import HarnessError
from nuclei.platforms.process.zookeeper_jars import OLDEST, ROOT_VARIABLE, cache_root, version_in, version_order

PACKAGE = "libzookeeper-java"
_LOGGER = "slf4j-simple.jar"
_DOWNLOAD_SECONDS = 180.0
_UNPACK_SECONDS = 60.0
_SCRATCH = ".fetching-"
_ABANDONED_SECONDS = 3600.0


class FetchFailed(HarnessError):
    """The jars could not be had; one sentence with what was tried, what was seen, what to do."""


def fetch(say: Callable[[str], None]) -> Path:
    """Bring the jars into the cache and return their release directory. Raises FetchFailed; takes some seconds."""
    advice = f"unpack a release of https://zookeeper.apache.org and name its directory with {ROOT_VARIABLE}"
    if lacking := [program for program in ("apt-get", "dpkg-deb") if shutil.which(program) is None]:
        raise FetchFailed(f"ZooKeeper's jars are fetched with {' and '.join(lacking)}, which is not here; {advice}")
    cache = cache_root()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _scratch(cache) as scratch:
            say("zookeeper: downloading Debian's packages of its jars (15 MB)")
            packages = _download(scratch)
            for package in packages:
                _must(["dpkg-deb", "-x", str(package), str(scratch / "system")], scratch, _UNPACK_SECONDS)
            return _install(scratch, cache)
    except OSError as error:
        raise FetchFailed(
            f"ZooKeeper's jars cannot be kept in {cache} ({error.strerror}: {error.filename}); "
            f"name another cache directory with XDG_CACHE_HOME, or {advice}"
        ) from error


@contextlib.contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    """A directory beside the finished ones; what killed fetches left there long ago goes as well."""
    for left in cache.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=cache) as name:
        yield Path(name)


def _download(scratch: Path) -> list[Path]:
    """The package and everything it depends on directly, which is where the jars of its class path are."""
    downloads = scratch / "packages"
    downloads.mkdir()
    apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root"]
    try:
        _must([*apt, "download", PACKAGE], downloads, _DOWNLOAD_SECONDS)
    except FetchFailed:
        apt += _own_lists(apt, scratch)
        _must([*apt, "download", PACKAGE], downloads, _DOWNLOAD_SECONDS)
    (package,) = downloads.glob(f"{PACKAGE}_*.deb")
    named = _must(["dpkg-deb", "-f", str(package), "Depends"], scratch, _UNPACK_SECONDS)
    _must([*apt, "download", *depends(named)], downloads, _DOWNLOAD_SECONDS)
    return sorted(downloads.glob("*.deb"))


def depends(field: str) -> list[str]:
    """The package names of a Depends field without versions; of alternatives the first."""
    names = (re.match(r"\s*([a-z0-9][a-z0-9.+-]*)", clause) for clause in field.split(","))
    return [name[1] for name in names if name]


def _own_lists(apt: list[str], scratch: Path) -> list[str]:
    """Options for package lists of our own, just fetched from the machine's sources. A source that fails is its own
    matter: whether the package can be had is seen by downloading it."""
    lists = scratch / "lists"
    (lists / "partial").mkdir(parents=True)
    (scratch / "cache/archives/partial").mkdir(parents=True)
    options = ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={scratch / 'cache'}"]
    with contextlib.suppress(FetchFailed):
        _must([*apt, *options, "update"], scratch, _DOWNLOAD_SECONDS)
    return options


def _install(scratch: Path, cache: Path) -> Path:
    """Put the jars that are needed into ``cache``/zookeeper-VERSION; the first of several to finish wins."""
    java = scratch / "system/usr/share/java"
    version = version_in(java)
    if version is None or version_order(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise FetchFailed(
            f"this machine's package sources have ZooKeeper {version or 'in an unknown form'}, {oldest} or later is "
            f"needed; unpack a release of https://zookeeper.apache.org and name its directory with {ROOT_VARIABLE}"
        )
    release = scratch / "release"
    (release / "lib").mkdir(parents=True)
    for jar in class_path(java):
        shutil.copy(jar, release / "lib" / (f"zookeeper-{version}.jar" if jar.name == "zookeeper.jar" else jar.name))
    final = cache / f"zookeeper-{version}"
    with contextlib.suppress(OSError):
        release.rename(final)
    if not (final / "lib").is_dir():
        raise FetchFailed(f"{final} is in the way of ZooKeeper's jars; remove it and try again")
    return final


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


def _must(argv: list[str], directory: Path, seconds: float) -> str:
    """Run a command and return its stdout. Raises FetchFailed with its last words."""
    try:
        done = subprocess.run(
            argv, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise FetchFailed(f"`{' '.join(argv)}` did not end within {seconds:g} s; look at the network") from None
    if done.returncode == 0:
        return done.stdout
    words = " ".join((done.stderr or done.stdout).split()) or f"code {done.returncode}"
    raise FetchFailed(
        f"`{' '.join(argv)}` failed: {words[-300:]}; make a package source with {PACKAGE} reachable (Debian 12 or "
        f"later, Ubuntu 24.04 or later), or unpack a release of https://zookeeper.apache.org and name its directory "
        f"with {ROOT_VARIABLE}"
    )
