"""Failovers that lose what was not replicated: the lock's key on the old primary is unknown to the new one.

Two recipes, both from measurements of Redis Sentinel (asynchronous replication is documented as unsafe for locks:
Redis manual, "Distributed Locks with Redis", section "Why failover-based implementations are not enough").
"""

from __future__ import annotations

import time

from faults.arena import Arena
from faults.base import FaultFamily
from faults.grammar import BadArgument
from faults.schedule import FaultSpec
from faults.sides import crossing, ends, pairs
from nuclei.platforms.base import HarnessError, Unsupported


class Failover(FaultFamily):
    """Move the primary's role to another node while a client holds the lock.

    ``cut-then-kill`` black-holes replication, lets a client acquire, kills the primary: a replica without the key is
    promoted. ``split-brain`` isolates {primary, holder} from everybody: the others elect a new primary and the old
    one goes on granting.
    """

    name = "failover"
    marker = "failover"
    summary = "promote another node that has not heard of the lock"
    parameters = {
        "recipe": ("cut-then-kill", "cut-then-kill or split-brain"),
        "for": ("3s", "how long the old primary stays away once the new one is in charge"),
        "within": ("15s", "how long the promotion may take before the trial is a harness error"),
    }
    # A failover takes two to three seconds: a shorter lease would run out before anybody else could be let in.
    suggests = {"lock.ttl": 10.0}

    def __init__(self, spec: FaultSpec, arena: Arena) -> None:
        super().__init__(spec, arena)
        self._cut: list[str] = []
        self._old: str | None = None
        self._killed = False

    def prepare(self) -> None:
        self._old = self.arena.primary()
        replicas = [node for node, role in self.arena.cluster.roles().items() if role == "replica"]
        if not replicas:
            raise Unsupported(f"failover needs a replica to promote; {self.arena.cluster.name} has none")
        if self.param("recipe") == "cut-then-kill":
            among = {self._old, *replicas}
            links = self.arena.cluster.platform.links
            self._cut = [name for name in links.names() if self._old in ends(name) and set(ends(name)) <= among]
            links.cut(self._cut, "black-hole")
            self.arena.prove(pairs(self._cut), carry=False)
        elif self.param("recipe") != "split-brain":
            raise BadArgument(f"recipe={self.param('recipe')}: a failover's recipe is cut-then-kill or split-brain")

    def inject(self, trigger: str | None) -> str:
        platform, old = self.arena.cluster.platform, self._old or self.arena.primary()
        if self.param("recipe") == "split-brain":
            friends = {old} | ({self.arena.sites[trigger]} if trigger else set())
            self.targets = [old] + ([trigger] if trigger else [])
            self._cut = crossing(self.arena, friends)
            platform.links.cut(self._cut, "black-hole")
            proof = self.arena.prove(pairs(self._cut), carry=False)
        else:
            self.targets = [old]
            self._killed = True
            proof = platform.kill(old)
        return f"{proof}; {self._promoted(old)}"

    def heal(self) -> str:
        platform = self.arena.cluster.platform
        platform.links.restore(self._cut)
        proofs = [platform.start_node(self._old)] if self._killed and self._old else []
        if self._cut:
            proofs.append(self.arena.prove(pairs(self._cut), carry=True, within=10.0))
        return "; ".join([*proofs, self.arena.cluster.ready()])

    def _promoted(self, old: str) -> str:
        """Wait until the cluster's own majority has another primary. Raises HarnessError at the deadline."""
        began = time.monotonic()
        within = self.seconds("within")

        def look() -> str | None:
            primary = self.arena.cluster.primary()
            return primary if primary not in {None, old} else None

        new = self.arena.watch.until(look, began + within)
        if new is None:
            raise HarnessError(
                f"nobody was promoted in {within:g} s after {old} was lost: {self.arena.cluster.roles()}"
            )
        return f"{new} in charge {time.monotonic() - began:.2f} s after {old} was lost"
