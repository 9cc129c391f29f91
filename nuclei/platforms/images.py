"""The images nodes run on: look which are present (:func:`resolve`), or bring the missing ones (:func:`ensure`).

Present → used; else pulled, announced and bounded in time; else built from distribution packages. Only set-up and
``lockquake images --ensure`` fetch anything: a trial calls :func:`resolve`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nuclei.platforms import system_packages
from nuclei.platforms.base import HarnessError
from nuclei.platforms.docker_daemon import connect, unavailable
from nuclei.platforms.image_base import Base, NoBase, read_base
from nuclei.platforms.image_build import build, build_lock
from nuclei.platforms.image_plan import Fetch, Situation, Source, Use, plan
from nuclei.platforms.image_pull import PullFailed, pull, registry_of
from nuclei.platforms.image_recipes import IMAGE_LABEL, RECIPES, Flavour, Recipe, given_reference

if TYPE_CHECKING:
    from docker import DockerClient

NO_PULL_VARIABLE = "LOCKQUAKE_NO_PULL"
REMEDY = "bring it with `lockquake images --ensure` (or `make trial`, which does it all)"


def remedy(name: str) -> str:
    """What brings an image."""
    return f"bring it with `lockquake images --ensure {name}`" if RECIPES[name].on_request else REMEDY


@dataclass(frozen=True)
class ImageChoice:
    """The image a node runs on. ``name``: ``redis``, ``zookeeper``, ``toxiproxy``. ``source``: where it came from.
    ``flavour``: whose file layout it has (``debian`` packages or the ``official`` image)."""

    name: str
    reference: str
    source: Source
    flavour: Flavour


class ImageMissing(HarnessError):
    """A needed image is not present; the message names it and the command that brings it."""


def resolve(name: str, *, given: Mapping[str, str] | None = None, client: DockerClient | None = None) -> ImageChoice:
    """The image to use for ``name``, looking only. ``given``: name → reference from the user's options.

    Raises ImageMissing when none is present, DaemonUnavailable when the daemon cannot be asked, KeyError for a name
    that is none of :data:`RECIPES`.
    """
    recipe = RECIPES[name]
    with _Daemon(client) as daemon:
        situation = daemon.situation(recipe, given_reference(recipe, given))
        decision = plan(situation)
        if isinstance(decision, Use):
            return daemon.choice(recipe, decision)
    wanted = " nor ".join(r for r in (situation.given,) if r) or " nor ".join(
        r for r in (recipe.official, situation.built) if r
    )
    raise ImageMissing(f"image {name} is missing: the Docker daemon has no {wanted}; {remedy(name)}")


def situations_of(
    names: Sequence[str], *, allow_pull: bool, allow_build: bool, given: Mapping[str, str] | None = None
) -> list[Situation]:
    """What was found for each name and what is allowed; for showing. Raises DaemonUnavailable."""
    with _Daemon(None) as daemon:
        return [
            daemon.situation(RECIPES[name], given_reference(RECIPES[name], given), allow_pull, allow_build)
            for name in names
        ]


def pulls_forbidden() -> bool:
    """Whether the environment forbids pulling."""
    return os.environ.get(NO_PULL_VARIABLE, "") not in ("", "0")


def ensure(
    names: Sequence[str],
    allow_pull: bool,
    allow_build: bool,
    say: Callable[[str], None],
    *,
    given: Mapping[str, str] | None = None,
) -> list[ImageChoice]:
    """Make the images present and return the choices in the order of ``names``; what is present costs nothing.

    ``say`` receives one line of progress at a time, from several threads. Raises ImageMissing, BuildFailed,
    DaemonUnavailable, system_packages.PackagesMissing.
    """
    with _Daemon(None) as daemon:
        todo: list[tuple[Recipe, Fetch]] = []
        for name in names:
            recipe = RECIPES[name]
            allowed = allow_pull and not pulls_forbidden()
            decision = plan(daemon.situation(recipe, given_reference(recipe, given), allowed, allow_build))
            if isinstance(decision, Fetch):
                todo.append((recipe, decision))
    to_build = _pull_what_can_be(todo, say)
    if to_build:
        system_packages.require(system_packages.image_building(), "build images from packages", say)
        base = read_base()
        # Two at a time: while one unpacks the other downloads, and memory stays small.
        with ThreadPoolExecutor(max_workers=2) as pool:
            for done in [pool.submit(_build_once, recipe, base, say) for recipe in to_build]:
                done.result()
    return [resolve(name, given=given) for name in names]


def _pull_what_can_be(todo: Sequence[tuple[Recipe, Fetch]], say: Callable[[str], None]) -> list[Recipe]:
    """Pull in turn; the recipes that are left to be built. Raises ImageMissing for one that can be neither."""
    unreachable: dict[str, str] = {}
    to_build = []
    for recipe, fetch in todo:
        steps = dict(fetch.steps)
        reference = steps.get("pull", "")
        failure = unreachable.get(registry_of(reference), "") if reference else fetch.why_not_more
        if reference and not failure:
            try:
                pull(reference, say)
                continue
            except PullFailed as error:
                failure = unreachable[registry_of(reference)] = str(error)
                say(failure)
        if "build" not in steps:
            why = "; ".join(dict.fromkeys(r for r in (failure, fetch.why_not_more) if r))
            raise ImageMissing(f"image {recipe.name} is missing and cannot be had here: {why}")
        to_build.append(recipe)
    return to_build


def _build_once(recipe: Recipe, base: Base, say: Callable[[str], None]) -> None:
    """Build unless another process has built it while we waited for the lock."""
    with build_lock(recipe, say):
        with _Daemon(None) as daemon:
            if daemon.has(f"{recipe.repository}:{base.tag}"):
                return
        build(recipe, base, say)


class _Daemon:
    """What the Docker daemon knows of images; closes the client it made itself."""

    def __init__(self, client: DockerClient | None) -> None:
        self._own = client is None
        self.client = client or connect(timeout=30)

    def __enter__(self) -> _Daemon:
        return self

    def __exit__(self, *_: object) -> None:
        if self._own:
            self.client.close()

    def has(self, reference: str) -> bool:
        return self._inspect(reference) is not None

    def _inspect(self, reference: str) -> dict[str, object] | None:
        from docker.errors import APIError, ImageNotFound
        from requests.exceptions import RequestException

        try:
            return dict(self.client.images.get(reference).attrs)
        except ImageNotFound:
            return None
        except (APIError, RequestException) as error:
            raise unavailable(error) from error

    def situation(self, recipe: Recipe, given: str, allow_pull: bool = False, allow_build: bool = False) -> Situation:
        built, no_build = "", ""
        try:
            built = f"{recipe.repository}:{read_base().tag}"
        except NoBase as error:
            no_build = str(error)
        return Situation(
            name=recipe.name,
            given=given,
            official=recipe.official,
            built=built,
            present=frozenset(r for r in (given, recipe.official, built) if r and self.has(r)),
            allow_pull=allow_pull,
            allow_build=allow_build,
            no_build=no_build,
        )

    def choice(self, recipe: Recipe, use: Use) -> ImageChoice:
        """The choice, with the flavour read from the image's own label where it has one."""
        config = (self._inspect(use.reference) or {}).get("Config") or {}
        labels = (config.get("Labels") or {}) if isinstance(config, dict) else {}
        flavour: Flavour = "debian" if IMAGE_LABEL in labels else "official"
        return ImageChoice(recipe.name, use.reference, use.source, flavour)
