"""All fault families by name. Adding one is a class in a file of its own and a line here."""

from __future__ import annotations

from faults.base import FaultFamily
from faults.clock import Clock
from faults.failover import Failover
from faults.grammar import BadArgument
from faults.kill import KillClient, KillNode
from faults.partition import Partition
from faults.pause import PauseClient, PauseNode
from faults.schedule import FaultSpec
from nuclei.registry import pick

FAMILIES: dict[str, type[FaultFamily]] = {
    family.name: family for family in (Partition, PauseNode, PauseClient, KillNode, KillClient, Failover, Clock)
}


def family(spec: FaultSpec) -> type[FaultFamily]:
    """The family of a fault, with its parameters checked. Raises UnknownName, BadArgument."""
    found: type[FaultFamily] = pick("fault", spec.name, dict(FAMILIES))
    found.check(spec)
    return found


__all__ = ["FAMILIES", "BadArgument", "family"]
