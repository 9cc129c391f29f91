"""The images nodes run on: names, official references, and the packages that make the same thing from Debian.

Two flavours of each image exist. ``official``: what the makers publish in a registry. ``debian``: a root file system
from distribution packages, for places without a registry. Both carry the same servers; clusters ask the flavour where
paths differ (official ZooKeeper keeps its jars elsewhere, official Toxiproxy is a Go program).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Flavour = Literal["debian", "official"]

# Raise it whenever the packages or the hooks below change: the tag carries it, so old images are never mistaken for
# new ones. A test pins the recipes to this number.
REVISION = 1
DEBIAN_SUITE = "trixie"
IMAGE_LABEL = "lockquake.image"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One image. ``official``: its public reference. ``packages``: what the built one contains on top of the minimal
    system. ``unpack``: packages whose files are wanted without their dependencies. ``setup``: shell lines run with
    the root file system as ``$1`` when everything is installed."""

    name: str
    official: str
    serves: str
    packages: tuple[str, ...]
    unpack: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable that overrides the reference."""
        return f"LOCKQUAKE_IMAGE_{self.name.upper()}"

    @property
    def repository(self) -> str:
        """Repository of the built image."""
        return f"lockquake/{self.name}"


# The package `zookeeper` depends on the desktop JRE (GTK, Mesa, LLVM: 300 MB that no server needs), so only its files
# (zkServer.sh, zkCli.sh) are taken; the jars and their dependencies come from libzookeeper-java.
_ZOOKEEPER_USER = (
    'chroot "$1" useradd --system --user-group --home-dir /var/lib/zookeeper --shell /bin/sh zookeeper',
    'chroot "$1" chown -R zookeeper:zookeeper /var/lib/zookeeper /var/log/zookeeper',
)

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="redis",
            official="redis:8.0.3",
            serves="Redis servers, Sentinels and the ledger",
            packages=("redis-server", "redis-sentinel", "redis-tools", "iptables"),
        ),
        Recipe(
            name="zookeeper",
            official="zookeeper:3.9.3",
            serves="ZooKeeper servers",
            packages=("libzookeeper-java", "openjdk-21-jre-headless", "bash"),
            unpack=("zookeeper",),
            setup=_ZOOKEEPER_USER,
        ),
        Recipe(
            name="toxiproxy",
            official="ghcr.io/shopify/toxiproxy:2.12.0",
            serves="the proxy between everyone (built: Python, for Lockquake's own Toxiproxy-compatible server)",
            packages=("python3",),
        ),
    )
}


def given_reference(recipe: Recipe, options: Mapping[str, str] | None = None) -> str:
    """The reference the user asked for (option first, then environment), or an empty string."""
    return (options or {}).get(recipe.name) or os.environ.get(recipe.variable, "")


def built_tag(distribution: str = "debian", suite: str = DEBIAN_SUITE) -> str:
    """The tag of a built image: where its packages come from and the recipes' revision."""
    return f"{distribution}-{suite}-{REVISION}"
