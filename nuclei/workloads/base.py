"""The workload contract: what clients do with the lock, in terms of a client session that records every call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from nuclei.clients.session import Session


class Workload(ABC):
    """One client's part of a workload. ``params`` are plain data (times in seconds)."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    @abstractmethod
    def run(self, session: Session) -> None:
        """Work until ``session.finishing()``; every call goes through the session, which records it."""


@dataclass(frozen=True, kw_only=True)
class WorkloadEntry:
    """A workload as the registry knows it, with the default of every parameter."""

    name: str
    summary: str
    make: Callable[[Mapping[str, Any]], Workload]
    defaults: Mapping[str, Any] = field(default_factory=dict)
