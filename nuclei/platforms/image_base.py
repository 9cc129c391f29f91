"""Which distribution, mirror and keyring the built images come from on this machine (a pure decision)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nuclei.platforms.apt_sources import AptSource, distribution_mirror, parse_os_release, read_sources
from nuclei.platforms.base import HarnessError
from nuclei.platforms.image_recipes import DEBIAN_SUITE, built_tag

MIRROR_VARIABLE = "LOCKQUAKE_DEBIAN_MIRROR"
DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Older Ubuntus carry a ZooKeeper from before the four-letter whitelist and the admin switch we configure.
_OLDEST_UBUNTU = (24, 4)


@dataclass(frozen=True)
class Base:
    """Where packages come from: everything mmdebstrap must be told. ``keyring`` may be empty: apt's own trust."""

    distribution: str
    suite: str
    mirror: str
    components: tuple[str, ...]
    keyring: str

    @property
    def tag(self) -> str:
        """The tag of images built from here."""
        return built_tag(self.distribution, self.suite)


class NoBase(HarnessError):
    """No source of packages to build images from is known on this machine."""


def choose_base(release: Mapping[str, str], sources: Sequence[AptSource], mirror: str, keyring: str) -> Base:
    """Decide from os-release, apt's sources, a mirror named by the user and the path of Debian's keyring (both may
    be empty).

    A Debian takes Debian's current suite from its own mirror, a recent Ubuntu its own suite. Raises NoBase.
    """
    if mirror:
        return Base("debian", DEBIAN_SUITE, mirror, ("main",), keyring)
    family = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    codename = release.get("UBUNTU_CODENAME") or release.get("VERSION_CODENAME", "")
    debian = distribution_mirror(sources, "debian", codename)
    if debian is not None:
        return Base("debian", DEBIAN_SUITE, debian.uri, ("main",), keyring or debian.signed_by)
    ubuntu = distribution_mirror(sources, "ubuntu", codename)
    if "ubuntu" in family and ubuntu is not None and _version(release) >= _OLDEST_UBUNTU:
        return Base("ubuntu", codename, ubuntu.uri, ("main", "universe"), ubuntu.signed_by)
    seen = release.get("PRETTY_NAME", "an unknown system")
    raise NoBase(
        f"images cannot be built here: {seen} has no apt source for Debian or for Ubuntu 24.04 or later; "
        f"name a Debian mirror with {MIRROR_VARIABLE}=URL (and install debian-archive-keyring), or use a registry"
    )


def _version(release: Mapping[str, str]) -> tuple[int, ...]:
    return tuple(int(part) for part in release.get("VERSION_ID", "0").split(".") if part.isdigit())


def read_base() -> Base:
    """:func:`choose_base` on this machine's files and environment. Raises NoBase."""
    try:
        release = parse_os_release(Path("/etc/os-release").read_text(encoding="utf-8"))
    except OSError:
        release = {}
    keyring = DEBIAN_KEYRING if Path(DEBIAN_KEYRING).exists() else ""
    return choose_base(release, read_sources(), os.environ.get(MIRROR_VARIABLE, ""), keyring)
