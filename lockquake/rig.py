"""A rig: one cluster on one platform, started once and used by many trials."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from lockquake.plan import Plan
from nuclei import registry
from nuclei.clusters.base import Cluster
from nuclei.platforms.choice import PLATFORMS

Say = Callable[[str], None]
MOST_SITES = 10
RUNNER_SITE = "runner"
"""The runner's own site: it reaches the ledger through links of its own, which no fault cuts."""


def sites(clients: int) -> list[str]:
    """The sites of so many clients: one each up to ten, shared beyond (every site costs a published port per node)."""
    return [f"c{number}" for number in range(1, min(clients, MOST_SITES) + 1)]


class Rig:
    """A started cluster. ``clients`` is the largest number of clients a trial on it may have."""

    def __init__(self, plan: Plan, directory: Path, say: Say, clients: int | None = None) -> None:
        self.sites = sites(clients or plan.clients)
        self.platform = PLATFORMS[plan.platform].make()
        self.cluster: Cluster = registry.cluster(plan.cluster).make(self.platform, plan.cluster_settings)
        self.seconds = 0.0
        began = time.monotonic()
        try:
            wiring = self.cluster.wiring([*self.sites, RUNNER_SITE])
            self.platform.start(wiring, directory, say)
            evidence = self.cluster.ready()
        except BaseException:
            self.platform.stop()
            raise
        self.seconds = time.monotonic() - began
        say(f"{plan.cluster} ready in {self.seconds:.1f} s: {evidence}")

    @staticmethod
    def key(plan: Plan) -> tuple[object, ...]:
        """Plans with the same key can share a rig."""
        return (plan.platform, plan.cluster, tuple(sorted(plan.cluster_settings.items())))

    def stop(self) -> None:
        """Stop and sweep everything; idempotent."""
        self.platform.stop()

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
