"""The fault contract: asked for, proven to have taken effect, healed, proven healed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from faults.arena import Arena
from faults.grammar import BadArgument, duration
from faults.schedule import FaultSpec

Setting = float | int | str | bool


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
    lingers: ClassVar[bool] = True
    """Whether the triggering holder is kept inside (at ``before-release``) within its lease, to give others a chance
    to be let in beside it."""

    def __init__(self, spec: FaultSpec, arena: Arena) -> None:
        self.spec = spec
        self.arena = arena
        self.targets: list[str] = []

    @classmethod
    def check(cls, spec: FaultSpec) -> None:
        """Raises BadArgument for a parameter this fault does not have."""
        for key in spec.params:
            if key not in cls.parameters:
                known = ", ".join(cls.parameters) or "none"
                raise BadArgument(f"fault {cls.name} has no parameter {key!r} (it has: {known}, at, client)")

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
