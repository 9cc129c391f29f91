"""Servers besides Redis and ZooKeeper without root, from Debian's packages (:mod:`~.debian_packages`).

What lands in the cache is ``IMAGE-VERSION/system``, the packages' files, and ``IMAGE-VERSION/lib``, those shared
libraries that the programs need and this machine does not have (ldd says which). Maintainer scripts are not run: no
user is made, no service started.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from nuclei.platforms.process.debian_packages import FetchFailed, Packages, fetching, keep, version_order
from nuclei.platforms.process.programs import LIBRARIES, SYSTEM, Program, below
from nuclei.platforms.system_packages import install_command

_LDD_SECONDS = 20.0
# Not those that are always there, or that only modules need which are not loaded (just-in-time compilation).
_LIBRARY = re.compile(r"(?!libllvm|libc6$|libgcc|libperl|libpython|libdebconf)(lib|zlib)")
_USELESS = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "var")


def fetch(program: Program, say: Callable[[str], None]) -> Path:
    """Bring the programs into the cache and return their directory there. Raises FetchFailed; takes some seconds."""
    title = f"{program.title}'s programs"
    with fetching(title, program.package, f"as root: {install_command([program.package])}") as packages:
        say(f"{program.image}: downloading Debian's packages of {program.title}")
        version = _programs(packages, program)
        made = packages.scratch / "made"
        (made / LIBRARIES).mkdir(parents=True)
        _libraries(packages, program, made / LIBRARIES)
        for useless in _USELESS:
            shutil.rmtree(packages.system / useless, ignore_errors=True)
        packages.system.rename(made / SYSTEM)
        return keep(made, f"{program.image}-{version}", title)


def _programs(packages: Packages, program: Program) -> str:
    """Bring every package with programs; the upstream version of the one with the server."""
    version = ""
    pending = [program.package]
    while pending:
        (package,) = packages.bring([pending.pop(0)])
        said = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", packages.field(package, "Version"))
        if said and not version and below(program, packages.system):
            version = said[1]
        wanted = [name for name in packages.depends(package) if re.match(program.further, name)]
        pending += [name for name in wanted if not packages.has(name) and name not in pending]
    if version_order(version) < program.oldest:
        oldest = ".".join(map(str, program.oldest))
        raise FetchFailed(f"this machine's package sources have {program.title} {version}; {oldest} is needed")
    return version


def _libraries(packages: Packages, program: Program, place: Path) -> None:
    """Copy the libraries that the programs lack into ``place``; packages are downloaded until none is missing."""
    (directory, *_) = below(program, packages.system)
    binaries = [directory / name for name in program.programs]
    others = packages.scratch / "others"
    while missing := _missing(packages, binaries, place):
        if _copied([packages.system, others], missing, place):
            continue
        depended = {name for package in packages.all() for name in packages.depends(package)}
        further = sorted(name for name in depended if _LIBRARY.match(name) and not packages.has(name))
        if not further:
            raise FetchFailed(
                f"{program.title} needs {', '.join(sorted(missing))}, which none of its packages brings; as root: "
                f"{install_command([program.package])}"
            )
        packages.bring(further, others)


def _missing(packages: Packages, binaries: list[Path], place: Path) -> set[str]:
    """The sonames that a binary, or a library of its, asks for in vain."""
    said = [packages.run(["env", f"LD_LIBRARY_PATH={place}", "ldd", str(binary)], _LDD_SECONDS) for binary in binaries]
    return set(re.findall(r"^\s*(\S+) => not found", "\n".join(said), re.MULTILINE))


def _copied(roots: list[Path], sonames: set[str], place: Path) -> bool:
    """Whether one of them was among what is unpacked; it is in ``place`` now."""
    found = {
        path.name: path
        for root in roots
        for libraries in (root / "usr/lib", root / "lib")
        for path in libraries.rglob("*.so*")
        if path.name in sonames
    }
    for name, path in found.items():
        shutil.copy(os.path.realpath(path), place / name)
    return bool(found)
