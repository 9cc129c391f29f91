"""The workload contract: what clients do with the lock, in terms of a client session that records every call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from histories.spec import Wording
    from nuclei.clients.session import Session

LEFT = "left"
"""The figure in which a workload that ends by itself says how much of this client's work is left."""


class Workload(ABC):
    """One client's part of a workload. ``params`` are plain data (times in seconds)."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    @abstractmethod
    def run(self, session: Session) -> None:
        """Work until ``session.finishing()``, or until the work is done where the workload ends by itself; every call
        goes through the session, which records it."""


@dataclass(frozen=True, kw_only=True)
class Stakes:
    """What a workload stakes on the lock, which is what its invariant is judged by.

    ``counters``: what the ledger holds at first. ``budgets``, ``wording``, ``ticks``: as in
    :class:`histories.spec.Spec`, which takes them over.
    """

    counters: Mapping[str, int] = field(default_factory=dict)
    budgets: Mapping[str, float] = field(default_factory=dict)
    wording: Mapping[str, Wording] = field(default_factory=dict)
    ticks: Mapping[str, int] = field(default_factory=dict)


def nothing_at_stake(params: Mapping[str, Any]) -> Stakes:
    """For a workload by which only the lock itself is judged."""
    return Stakes()


@dataclass(frozen=True, kw_only=True)
class WorkloadEntry:
    """A workload as the registry knows it, with the default of every parameter.

    ``invariant``: what must hold, in a sentence. ``harm``: in which unit a breach is counted. ``ends``: whether every
    client comes to the end of its work by itself; the trial then ends with it.
    """

    name: str
    summary: str
    make: Callable[[Mapping[str, Any]], Workload]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    invariant: str = "no two clients are inside at once"
    harm: str = "overlaps"
    stakes: Callable[[Mapping[str, Any]], Stakes] = nothing_at_stake
    ends: bool = False
