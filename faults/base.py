"""The fault contract: asked for, proven to have taken effect, healed, proven healed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from faults.arena import Arena
from faults.grammar import BadArgument, duration
from faults.schedule import FaultSpec
from faults.targets import IN_CHARGE
from nuclei.clusters.base import ClusterEntry, Settings
from nuclei.platforms.choice import Ability

Setting = float | int | str | bool
Lingers = Literal["within-lease", "once-healed", "not"]


DURATIONS = frozenset({"for", "within"})
"""Parameters of faults that are durations."""
LONGEST = 86_400.0
"""Seconds, or multiples of the lapse, that a duration may have at most."""


class FaultFamily(ABC):
    """One kind of fault, bound to one trial. ``targets`` is known once :meth:`inject` has begun.

    Class attributes: ``marker`` is the pytest marker of its family; ``parameters`` maps each parameter to its default
    and meaning (shown by ``lockquake list``); ``suggests`` are plan settings that give the fault its chance (a lease
    longer than a failover takes), overridden by what the user sets.
    """

    name: ClassVar[str]
    marker: ClassVar[str]
    summary: ClassVar[str]
    parameters: ClassVar[Mapping[str, tuple[str, str]]]
    suggests: ClassVar[Mapping[str, Setting]] = {}
    choices: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Parameters that take one of some words."""
    lingers: ClassVar[Lingers] = "within-lease"
    """Whether the triggering holder is kept inside (at ``before-release``): within its lease, to give others a chance
    to be let in beside it; once healed, until another one is inside, so that its release comes at the worst moment; or
    not at all."""

    def __init__(self, spec: FaultSpec, arena: Arena) -> None:
        self.spec = spec
        self.arena = arena
        self.targets: list[str] = []

    @classmethod
    def check(cls, spec: FaultSpec) -> None:
        """Raises BadArgument for a parameter this fault does not have, or a value that it cannot take."""
        for key, value in spec.params.items():
            if key not in cls.parameters:
                known = ", ".join(cls.parameters) or "none"
                raise BadArgument(f"fault {cls.name} has no parameter {key!r} (it has: {known}, at, client)")
            if key in cls.choices and value not in cls.choices[key]:
                *others, last = cls.choices[key]
                raise BadArgument(f"{key}={value}: the {key} of a {cls.name} is {', '.join(others)} or {last}")
            if key in DURATIONS and duration(value, lapse=1.0) > LONGEST:
                raise BadArgument(f"{key}={value}: a fault lasts at most {LONGEST:g} s")

    @classmethod
    def impossible_on(cls, cluster: ClusterEntry) -> str | None:
        """Why this fault can never happen on a cluster, in one sentence; None where it can."""
        return None

    @classmethod
    def impossible_with(cls, spec: FaultSpec, cluster: ClusterEntry, settings: Settings) -> str | None:
        """Like :meth:`impossible_on`, of this very fault and a cluster with these settings."""
        return cls.impossible_on(cluster)

    @classmethod
    def needs(cls, spec: FaultSpec, *, linked: bool) -> frozenset[Ability]:
        """What the platform must be able to do for this fault. ``linked``: the cluster's nodes talk to each other."""
        return frozenset()

    @classmethod
    def check_names(cls, spec: FaultSpec, nodes: Sequence[str], clients: Sequence[str]) -> None:
        """Raises BadArgument for a name of a node or client that is not among these."""
        target = spec.params.get("target")
        if target is not None:
            cls.check_target(target, nodes, clients)

    @classmethod
    def check_target(cls, target: str, nodes: Sequence[str], clients: Sequence[str]) -> None:
        """Raises BadArgument for a target that is neither of the words of this fault nor a name of that kind."""
        hits_clients = cls.parameters["target"][0] == "holder"
        words, names = (["holder"], clients) if hits_clients else (sorted(IN_CHARGE), nodes)
        if target not in {*words, *names}:
            kind = "client" if hits_clients else "node"
            raise BadArgument(f"target={target}: no such {kind} (it may be {words[-1]}, {', '.join(names)})")

    def param(self, key: str) -> str:
        """A parameter as text, the default where it was not given."""
        return self.spec.params.get(key, self.parameters[key][0])

    def seconds(self, key: str = "for") -> float:
        """A parameter as seconds; ``2x`` is twice the lock's lease or session (3 s where it has neither)."""
        return duration(self.param(key), self.arena.lapse or 3.0)

    def prepare(self) -> None:  # noqa: B027 - most faults need no preparation
        """What must be in place before the trigger is waited for (for example: replication already cut)."""

    def trigger_client(self) -> str | None:
        """The one client that may trigger, None for whichever comes first. Asked after :meth:`prepare`."""
        return self.spec.trigger.client

    @abstractmethod
    def inject(self, trigger: str | None) -> str:
        """Bring the fault into force and prove it; ``trigger`` is the client that triggered. Returns the evidence.

        Raises HarnessError when the effect could not be observed, Unsupported where the platform cannot do it."""

    @abstractmethod
    def heal(self) -> str:
        """Undo the fault and prove that; returns the evidence. Called exactly once when injection was begun, whatever
        came of it, so it must cope with a half-injected fault."""
