"""Debian's packages without root: downloaded, checked and unpacked in the user's own cache directory.

apt-get needs no root to download, and checks every package against the archive's signature. Where the machine's package
lists are absent or name packages that are gone, lists of our own are fetched for the moment. A directory in the cache
is complete: it is unpacked beside and renamed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from nuclei.platforms.base import HarnessError

_DOWNLOAD_SECONDS = 180.0
_UNPACK_SECONDS = 60.0
_SCRATCH = ".fetching-"
_ABANDONED_SECONDS = 3600.0


class FetchFailed(HarnessError):
    """The packages could not be had; one sentence with what was tried, what was seen, what to do."""


def cache_root() -> Path:
    """The directory under which set-up unpacks servers, one directory a version; it need not exist."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return Path(given if os.path.isabs(given) else os.path.expanduser("~/.cache")) / "lockquake"


def unpacked(name: str) -> list[Path]:
    """What set-up unpacked under ``name``, the newest version first. Half-unpacked directories have other names."""
    roots = [path for path in cache_root().glob(f"{name}-*") if path.is_dir()]
    return sorted(roots, key=lambda path: version_order(path.name.removeprefix(f"{name}-")), reverse=True)


def version_order(version: str) -> tuple[int, ...]:
    """The first three numbers of a version, to compare by."""
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


class Packages:
    """Packages brought into a scratch directory below the cache. ``what`` is wanted, and ``advice`` is what else one
    may do to have it; both end up in errors. Everything it does raises FetchFailed."""

    def __init__(self, scratch: Path, what: str, advice: str) -> None:
        self.scratch = scratch
        self.system = scratch / "system"
        """The root of what was unpacked."""
        self._what, self._advice = what, advice
        self._downloads = scratch / "packages"
        self._downloads.mkdir()
        self._apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root"]
        self._own_lists = False

    def bring(self, names: Sequence[str], into: Path | None = None) -> list[Path]:
        """Download some packages and unpack them, ``into`` another root than ``system`` where one is named; the files
        of those that were not there before."""
        before = set(self.all())
        try:
            self._download(names)
        except FetchFailed:
            if self._own_lists:
                raise
            self._fetch_lists()
            self._download(names)
        new = [package for package in self.all() if package not in before]
        for package in new:
            self.run(["dpkg-deb", "-x", str(package), str(into or self.system)], _UNPACK_SECONDS)
        return new

    def all(self) -> list[Path]:
        """Every package that was downloaded."""
        return sorted(self._downloads.glob("*.deb"))

    def has(self, name: str) -> bool:
        """Whether a package of that name was downloaded."""
        return any(self._downloads.glob(f"{name}_*.deb"))

    def depends(self, package: Path) -> list[str]:
        """The names a package depends on."""
        return depends(self.run(["dpkg-deb", "-f", str(package), "Depends"], _UNPACK_SECONDS))

    def field(self, package: Path, name: str) -> str:
        """One field of a package's description."""
        return self.run(["dpkg-deb", "-f", str(package), name], _UNPACK_SECONDS).strip()

    def _download(self, names: Sequence[str]) -> None:
        self.run([*self._apt, "download", *names], _DOWNLOAD_SECONDS, self._downloads)

    def _fetch_lists(self) -> None:
        """Package lists of our own, just fetched from the machine's sources. A source that fails is its own matter:
        whether a package can be had is seen by downloading it."""
        lists, cache = self.scratch / "lists", self.scratch / "cache"
        (lists / "partial").mkdir(parents=True)
        (cache / "archives/partial").mkdir(parents=True)
        self._own_lists = True
        self._apt += ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={cache}"]
        with contextlib.suppress(FetchFailed):
            self.run([*self._apt, "update"], _DOWNLOAD_SECONDS)

    def run(self, argv: Sequence[str], seconds: float, directory: Path | None = None) -> str:
        """Run a command and return its stdout. Raises FetchFailed with its last words."""
        try:
            done = subprocess.run(
                argv,
                cwd=directory or self.scratch,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise FetchFailed(f"`{' '.join(argv)}` did not end within {seconds:g} s; look at the network") from None
        if done.returncode == 0:
            return done.stdout
        words = " ".join((done.stderr or done.stdout).split()) or f"code {done.returncode}"
        raise FetchFailed(
            f"`{' '.join(argv)}` failed: {words[-300:]}; make a package source with {self._what} reachable (Debian 12 "
            f"or later, Ubuntu 24.04 or later), or {self._advice}"
        )


@contextlib.contextmanager
def fetching(title: str, what: str, advice: str) -> Iterator[Packages]:
    """A place to bring packages to, removed at the end. ``title`` names what is fetched in sentences (``ZooKeeper's
    jars``). Raises FetchFailed where there is no Debian, or no room."""
    if lacking := [program for program in ("apt-get", "dpkg-deb") if shutil.which(program) is None]:
        raise FetchFailed(f"{title} are fetched with {' and '.join(lacking)}, which is not here; {advice}")
    cache = cache_root()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _sweep(cache)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=cache) as name:
            yield Packages(Path(name), what, advice)
    except OSError as error:
        raise FetchFailed(
            f"{title} cannot be kept in {cache} ({error.strerror}: {error.filename}); "
            f"name another cache directory with XDG_CACHE_HOME, or {advice}"
        ) from error


def _sweep(cache: Path) -> None:
    """Remove what killed fetches left long ago."""
    for left in cache.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def keep(made: Path, name: str, title: str) -> Path:
    """Move a complete directory to its place in the cache; the first of several to finish wins. Raises FetchFailed."""
    final = cache_root() / name
    with contextlib.suppress(OSError):
        made.rename(final)
    if not (final / "lib").is_dir():
        raise FetchFailed(f"{final} is in the way of {title}; remove it and try again")
    return final


def depends(field: str) -> list[str]:
    """The package names of a Depends field without versions; of alternatives the first."""
    names = (re.match(r"\s*([a-z0-9][a-z0-9.+-]*)", clause) for clause in field.split(","))
    return [name[1] for name in names if name]
