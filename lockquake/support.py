"""What cannot run on a platform of this machine, said before anything is started."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import cast

from faults.families import family
from faults.schedule import FaultSpec
from lockquake.plan import Plan
from nuclei import registry
from nuclei.clusters.base import ClusterEntry, Settings
from nuclei.locks.base import LockEntry
from nuclei.locks.loading import load
from nuclei.platforms.base import Platform, Unsupported, Wiring
from nuclei.platforms.choice import PLATFORMS, Choice, choose
from nuclei.platforms.image_recipes import DEFAULT_IMAGES


def choose_for(wanted: str, clusters: Iterable[str]) -> Choice:
    """The platform to use for some clusters, ``auto`` resolved. Raises UnknownName, HarnessError.

    An image that is only brought when it is named decides for its own cluster, but not for others beside it."""
    names = list(clusters)
    images = {image for name in names for image in registry.cluster(name).images}
    return choose(wanted, sorted(images if len(names) == 1 else images & set(DEFAULT_IMAGES)))


def require_supported(plan: Plan) -> None:
    """Raises Unsupported with the reason where the plan's platform cannot run its cluster or one of its faults here, or
    where the lock's library is not installed.

    Docker is asked nothing, apart from images that are only brought when they are named: any other that is missing, or
    a daemon that is, is a fault of the set-up, which its start reports.
    """
    if reason := why_not_lock(load(plan.lock)):
        raise Unsupported(f"{plan.lock}: {reason}")
    cluster = registry.cluster(plan.cluster)
    set_up = set(DEFAULT_IMAGES) if plan.platform == "docker" else set()
    if set(cluster.images) - set_up and (reason := why_not_cluster(plan.platform, cluster)):
        raise Unsupported(f"{plan.cluster} on platform {plan.platform}: {reason}")
    for spec in plan.schedule:
        if reason := why_not_fault(plan.platform, cluster, spec, plan.cluster_settings):
            raise Unsupported(f"{spec.name} on platform {plan.platform}: {reason}")


def why_not_lock(lock: LockEntry) -> str | None:
    """Which of a lock's libraries are not installed and what brings them, None where all are."""
    missing = [name for name in lock.libraries if not _installed(name)]
    if not missing:
        return None
    return f"not installed: {', '.join(missing)}; pip install 'lockquake[libraries]' brings it"


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def why_not_cluster(platform: str, cluster: ClusterEntry) -> str | None:
    """Why a cluster's servers cannot run on a platform here, None where they can."""
    entry = PLATFORMS[platform]
    return next((reason for image in cluster.images if (reason := entry.why_not_image(image))), None)


def why_not_fault(
    platform: str, cluster: ClusterEntry, spec: FaultSpec, settings: Settings | None = None
) -> str | None:
    """Why a fault cannot happen to a cluster (with these settings, else its defaults) on a platform here, None where it
    can."""
    kind = family(spec)
    if reason := kind.impossible_with(spec, cluster, settings or cluster.defaults):
        return reason
    entry, wiring = PLATFORMS[platform], _wiring(cluster, settings)
    needs = kind.needs(spec, linked=bool(wiring.peers or wiring.direct))
    if wiring.direct and "links-between-nodes" in needs:
        needs = (needs - {"links-between-nodes"}) | {"packets-between-nodes"}
    return next((why for need in sorted(needs) if (why := entry.cannot(need))), None)


def linked(cluster: ClusterEntry) -> bool:
    """Whether a cluster's nodes talk to each other by default."""
    wiring = _wiring(cluster, None)
    return bool(wiring.peers or wiring.direct)


def past_the_proxy(cluster: ClusterEntry) -> bool:
    """Whether a cluster's nodes reach each other past the proxy."""
    return bool(_wiring(cluster, None).direct)


def _wiring(cluster: ClusterEntry, settings: Settings | None) -> Wiring:
    nowhere = cast(Platform, None)  # its description needs no platform
    return cluster.make(nowhere, settings or cluster.defaults).wiring([])
