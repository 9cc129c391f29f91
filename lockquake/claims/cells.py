"""The cells of the claims table: a lock on a cluster under one fault with its bound, and all that is claimed there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from faults.base import FaultFamily
from faults.families import FAMILIES, family
from faults.grammar import BadArgument
from faults.schedule import read_fault
from lockquake.campaign import Entry
from lockquake.expectation import Expectation
from nuclei import registry
from nuclei.locks.base import LockEntry
from nuclei.locks.claims import NO_FAULT, Claim, Scenario
from nuclei.locks.loading import load
from nuclei.registry import UnknownName, pick

NONE = "none"
BRIEF = {"cluster.session": "2s", "trial.work": "1s"}
"""Settings that make trials short; a scenario's own and what its faults suggest go before. Leases stay as they are: a
holder is kept for 0.6 s after a pause, which is to end within a lease of two seconds."""


@dataclass(frozen=True)
class Cell:
    """``claims``: of this lock on this cluster under this scenario; none where nothing is said of a whole family."""

    lock: LockEntry
    cluster: str
    scenario: Scenario
    claims: tuple[Claim, ...] = ()

    @property
    def nucleus(self) -> str:
        """``lock@cluster``."""
        return f"{self.lock.name}@{self.cluster}"

    @property
    def unclaimed(self) -> bool:
        """Whether nothing is promised here, by nobody's word or by somebody's."""
        return all(claim.verdict == "unclaimed" for claim in self.claims)

    def entry(self, times: int) -> Entry:
        """What a campaign runs for it. Raises BadArgument, UnknownName for a fault nobody can read."""
        return Entry(
            nucleus=self.nucleus,
            fault=list(self.scenario.faults),
            set=self.settings(),
            clients=self.scenario.clients,
            times=times,
            expect=Expectation(verdict="any"),
        )

    def settings(self) -> list[str]:
        """The brief ones this lock and cluster have and no fault suggests otherwise, then the scenario's own."""
        suggested = {key for fault in self.scenario.faults for key in _family(fault).suggests}
        there = {f"lock.{name}" for name in self.lock.defaults}
        there |= {f"cluster.{name}" for name in registry.cluster(self.cluster).defaults} | {"trial.work"}
        brief = [f"{key}={value}" for key, value in BRIEF.items() if key in there - suggested]
        return [*brief, *self.scenario.settings]


def _family(fault: str) -> type[FaultFamily]:
    return family(read_fault(fault))


def cells_of(lock: LockEntry) -> list[Cell]:
    """A lock's cells in the order of its clusters and claims, then the families nothing is said of."""
    found = []
    for cluster in lock.clusters or sorted(registry.clusters()):
        by_scenario: dict[Scenario, list[Claim]] = {}
        for claim in lock.claims:
            if (not claim.clusters or cluster in claim.clusters) and checkable(claim) and _possible(claim, cluster):
                by_scenario.setdefault(claim.under(), []).append(claim)
        said = [Cell(lock, cluster, scenario, tuple(claims)) for scenario, claims in by_scenario.items()]
        found += [*said, *_unsaid(lock, cluster, said)]
    return found


def _possible(claim: Claim, cluster: str) -> bool:
    topology = registry.cluster(cluster)
    return all(_family(fault).impossible_on(topology) is None for fault in claim.under().faults)


def _unsaid(lock: LockEntry, cluster: str, said: Sequence[Cell]) -> Iterator[Cell]:
    """A cell for every family that the cluster allows and no claim is about: its fault by default."""
    spoken = {family for cell in said for family in cell.scenario.families}
    if NONE not in spoken:
        yield Cell(lock, cluster, NO_FAULT)
    for name, kind in FAMILIES.items():
        if name not in spoken and kind.impossible_on(registry.cluster(cluster)) is None:
            yield Cell(lock, cluster, Scenario(words=kind.summary, faults=(name,)))


def checkable(claim: Claim) -> bool:
    """Whether its fault can be read, so that a plan can be made of it."""
    try:
        for fault in claim.under().faults:
            _family(fault)
    except (BadArgument, UnknownName):
        return False
    return True


def unreadable(locks: Iterable[LockEntry]) -> list[tuple[LockEntry, Claim]]:
    """Claims whose fault is given in words only: nothing can hold them against measurement."""
    return [(lock, claim) for lock in locks for claim in lock.claims if not checkable(claim)]


def choose_locks(names: Sequence[str]) -> list[LockEntry]:
    """The locks of these names (files of one's own too), all registered ones without. Raises UnknownName, LoadError."""
    return [load(name) for name in names] if names else list(registry.locks().values())


def choose_cells(locks: Iterable[LockEntry], clusters: Sequence[str] = (), faults: Sequence[str] = ()) -> list[Cell]:
    """Their cells on these clusters and with faults of these families (``none`` for no fault); all without.

    Raises UnknownName for a cluster or family nobody knows."""
    for name in clusters:
        registry.cluster(name)
    for name in faults:
        pick("fault", name, {NONE: None, **FAMILIES})
    return [
        cell
        for lock in locks
        for cell in cells_of(lock)
        if (not clusters or cell.cluster in clusters) and (not faults or set(faults) & set(cell.scenario.families))
    ]
