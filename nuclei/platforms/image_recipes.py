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

# Raise it whenever the packages or the hooks of a recipe change: the tag carries it, so old images are never mistaken
# for new ones. A test pins the recipes to this number.
REVISION = 1
DEBIAN_SUITE = "trixie"
IMAGE_LABEL = "lockquake.image"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One image. ``official``: its public reference. ``packages``: what the built one contains on top of the minimal
    system. ``unpack``: packages whose files are wanted without their dependencies. ``setup``: shell lines run with
    the root file system as ``$1`` when everything is installed. ``official`` is empty where the makers' image will not
    do: nodes need a shell. ``on_request``: only some clusters need it, so it is brought when it is named."""

    name: str
    official: str
    serves: str
    packages: tuple[str, ...]
    unpack: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    on_request: bool = False

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
        Recipe(
            name="memcached",
            official="memcached:1.6.38",
            serves="the cluster memcached",
            packages=("memcached",),
            on_request=True,
        ),
        Recipe(
            name="postgres",
            official="postgres:17.5",
            serves="the cluster postgres",
            packages=("postgresql",),
            setup=('rm -rf "$1"/var/lib/postgresql/*/main "$1"/etc/postgresql/*/main',),
            on_request=True,
        ),
        Recipe(
            name="etcd",
            official="",
            serves="the cluster etcd",
            packages=("etcd-server",),
            on_request=True,
        ),
    )
}

DEFAULT_IMAGES = tuple(name for name, recipe in RECIPES.items() if not recipe.on_request)
"""What set-up brings: enough for most clusters."""


def given_reference(recipe: Recipe, options: Mapping[str, str] | None = None) -> str:
    """The reference the user asked for (option first, then environment), or an empty string."""
    return (options or {}).get(recipe.name) or os.environ.get(recipe.variable, "")


def built_tag(distribution: str = "debian", suite: str = DEBIAN_SUITE) -> str:
    """The tag of a built image: where its packages come from and the recipes' revision."""
    return f"{distribution}-{suite}-{REVISION}"
