"""Servers besides Redis and ZooKeeper: where their programs are on this machine, or why they are not.

Taken, best first, from PATH, from where Debian puts them (PostgreSQL's are on nobody's PATH), from what set-up unpacked
(:mod:`~.program_fetch`).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nuclei.platforms.process.debian_packages import unpacked, version_order

LIBRARIES = "lib"
"""The directory beside the unpacked system with the shared libraries that this machine lacks."""
SYSTEM = "system"


@dataclass(frozen=True, kw_only=True)
class Program:
    """The servers of one image. ``programs``: what must be there, the server first; it tells its version when started
    with ``--version``. ``places``: directories below the root, patterns allowed. ``package``: Debian's name, and
    ``further`` a pattern for those it depends on that hold programs as well. ``oldest``: what has been tried.

    ``not_as_root``: whether the server refuses to run as root."""

    image: str
    title: str
    programs: Sequence[str]
    places: Sequence[str]
    package: str
    oldest: tuple[int, ...]
    further: str = r"$."
    not_as_root: bool = False


PROGRAMS: Mapping[str, Program] = {
    program.image: program
    for program in (
        Program(
            image="memcached",
            title="memcached",
            programs=("memcached",),
            places=("usr/bin", "usr/sbin"),
            package="memcached",
            oldest=(1, 5),
        ),
        Program(
            image="postgres",
            title="PostgreSQL",
            programs=("postgres", "initdb", "pg_basebackup", "psql"),
            places=("usr/lib/postgresql/*/bin",),
            package="postgresql",
            further=r"postgresql-(client-)?\d+$",
            oldest=(14,),
            not_as_root=True,
        ),
        Program(
            image="etcd",
            title="etcd",
            programs=("etcd",),
            places=("usr/bin",),
            package="etcd-server",
            oldest=(3, 4),
        ),
    )
}


@dataclass(frozen=True)
class Found:
    """Usable programs. ``directory`` must come first on PATH; ``libraries`` are shared ones to be found as well."""

    directory: Path
    version: str
    libraries: Path | None = None

    def environment(self) -> dict[str, str]:
        """What processes of these programs, and commands beside them, need on top of ours."""
        found = {"PATH": f"{self.directory}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        if self.libraries is not None:
            rest = os.environ.get("LD_LIBRARY_PATH")
            found["LD_LIBRARY_PATH"] = f"{self.libraries}{os.pathsep}{rest}" if rest else str(self.libraries)
        return found


def find(program: Program, says: Callable[[Sequence[str], Mapping[str, str]], str | None]) -> Found | str:
    """The programs to use, or why there are none. ``says``: what a command prints in an environment, None where it does
    not run."""
    refused = []
    for directory, libraries in _places(program):
        found = Found(directory, "", libraries)
        version = _version(says([str(directory / program.programs[0]), "--version"], found.environment()))
        if version is not None and version_order(version) >= program.oldest:
            return Found(directory, version, libraries)
        refused.append(f"{directory / program.programs[0]} {f'is {version}' if version else 'does not start'}")
    oldest = ".".join(map(str, program.oldest))
    return f"no {program.title} {oldest} or later: {', '.join(refused) or f'no {_all(program)} here'}"


def _all(program: Program) -> str:
    *others, last = program.programs
    return f"{', '.join(others)} and {last}" if others else last


def _version(said: str | None) -> str | None:
    found = re.search(r"\b(\d+(?:\.\d+)+)", said or "")
    return found[1] if found else None


def _places(program: Program) -> Iterator[tuple[Path, Path | None]]:
    """Directories that have all the programs, best first, each with the libraries that go with it."""
    if (on_path := shutil.which(program.programs[0])) is not None:
        for directory in (Path(on_path).parent, Path(on_path).resolve().parent):
            if _whole(program, directory):
                yield directory, None
                break
    roots: list[tuple[Path, Path | None]] = [(Path("/"), None)]
    roots += [(made / SYSTEM, made / LIBRARIES) for made in unpacked(program.image)]
    for root, libraries in roots:
        for directory in below(program, root):
            if _whole(program, directory):
                yield directory, libraries


def below(program: Program, root: Path) -> list[Path]:
    """Where the programs may be below a root, the newest first where a version is in the path."""
    found = [path for place in program.places for path in root.glob(place)]
    return sorted(found, key=lambda path: version_order(path.parent.name), reverse=True)


def _whole(program: Program, directory: Path) -> bool:
    return all(os.access(directory / name, os.X_OK) for name in program.programs)
