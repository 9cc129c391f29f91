"""What each platform can do on this machine, cluster by cluster and fault by fault, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from faults.base import FaultFamily
from faults.families import FAMILIES
from faults.schedule import FaultSpec, read_fault
from lockquake.support import linked, past_the_proxy, why_not_cluster, why_not_fault
from nuclei import registry
from nuclei.platforms.choice import PLATFORMS


class Ability(msgspec.Struct, frozen=True, kw_only=True):
    """One cluster or fault: ``kind`` is ``cluster`` or ``fault``, ``name`` as on the command line. ``reasons``:
    platform → why it cannot be had there, None where it can."""

    kind: str
    name: str
    reasons: dict[str, str | None]

    @property
    def somewhere(self) -> bool:
        """Whether some platform can do it."""
        return any(reason is None for reason in self.reasons.values())


def abilities() -> list[Ability]:
    """Every cluster and every kind of fault, on every platform. Starts nothing."""
    unable = {name: entry.why_not() for name, entry in PLATFORMS.items()}
    return [*_clusters(unable), *_faults(unable)]


def _clusters(unable: Mapping[str, str | None]) -> Iterator[Ability]:
    for cluster in registry.clusters().values():
        reasons = {name: why or why_not_cluster(name, cluster) for name, why in unable.items()}
        yield Ability(kind="cluster", name=cluster.name, reasons=reasons)


def _faults(unable: Mapping[str, str | None]) -> Iterator[Ability]:
    for family in FAMILIES.values():
        for spec in _variants(family):
            reasons = {name: why or _on_its_best_cluster(name, spec) for name, why in unable.items()}
            yield Ability(kind="fault", name=spec.text(), reasons=reasons)


def _variants(family: type[FaultFamily]) -> Iterator[FaultSpec]:
    """The fault as it is by default, and with every word that makes it need something else."""
    plain = read_fault(family.name)
    yield plain
    for key, words in family.choices.items():
        for word in words:
            spec = read_fault(f"{family.name}:{key}={word}")
            if family.needs(spec, linked=True) != family.needs(plain, linked=True):
                yield spec


def _on_its_best_cluster(platform: str, spec: FaultSpec) -> str | None:
    """None when it can happen to some cluster of several nodes; a cluster that cannot have it at all says nothing."""
    kind = FAMILIES[spec.name]
    possible = [
        entry for entry in registry.clusters().values() if not kind.impossible_with(spec, entry, entry.defaults)
    ]
    possible.sort(key=past_the_proxy)  # what cannot be done to those is no reason for the others
    reasons = [why_not_fault(platform, entry, spec) for entry in [e for e in possible if linked(e)] or possible]
    return None if None in reasons else reasons[0]
