"""Failovers that lose what was not replicated: the lock's key on the old primary is unknown to the new one.

Two recipes, both from measurements of Redis Sentinel (asynchronous replication is documented as unsafe for locks:
Redis manual, "Distributed Locks with Redis", section "Why failover-based implementations are not enough"). Both begin
by stalling replication at a moment when no replica holds the key: a replica that was cut off while it held one would,
once promoted, keep a dead lock until its lease ends, and nobody would be let in (measured).
"""

from __future__ import annotations

import time

from faults.arena import Arena
from faults.base import FaultFamily
from faults.schedule import FaultSpec
from faults.sides import crossing, ends, pairs
from nuclei.clusters.base import ClusterEntry
from nuclei.platforms.base import HarnessError, Unsupported

RECIPES = ("cut-then-kill", "split-brain")
MOMENT_LIMIT = 10.0
"""Seconds within which a moment must come at which no replica holds the key."""


class Failover(FaultFamily):
    """Move the primary's role to another node while a client holds the lock.

    ``cut-then-kill`` cuts replication, lets a client acquire, kills the primary: a replica without the key is
    promoted. ``split-brain`` isolates {primary, one client} from everybody: the others elect a new primary, and the
    old one goes on granting to its client.
    """

    name = "failover"
    marker = "failover"
    summary = "promote another node that has not heard of the lock"
    parameters = {
        "recipe": ("cut-then-kill", "cut-then-kill or split-brain"),
        "for": ("2s", "how long the old primary stays away once the new one is in charge"),
        "within": ("15s", "how long the promotion may take before the trial is a harness error"),
    }
    choices = {"recipe": RECIPES}
    # A failover takes two to three seconds: a shorter lease would run out before anybody else could be let in.
    suggests = {"lock.ttl": 10.0}

    def __init__(self, spec: FaultSpec, arena: Arena) -> None:
        super().__init__(spec, arena)
        self._links = arena.cluster.platform.links
        self._cut: list[str] = []
        self._old = ""
        self._friend: str | None = None
        self._replicas: list[str] = []
        self._killed = False

    @classmethod
    def impossible_on(cls, cluster: ClusterEntry) -> str | None:
        if cluster.replicates:
            return None
        return f"failover needs a replica that can be promoted before it has heard of the lock; {cluster.name} has none"

    def prepare(self) -> None:
        self._old = self.arena.primary()
        self.targets = [self._old]
        replicas = [node for node, role in self.arena.cluster.roles().items() if role == "replica"]
        if not replicas:
            raise Unsupported(f"failover needs a replica to promote; {self.arena.cluster.name} has none")
        self._replicas = replicas
        self._stall_replication(replicas)
        if self.param("recipe") == "split-brain":
            self._isolate()
            self.arena.prove(pairs(self._cut), carry=False)

    def trigger_client(self) -> str | None:
        return self._friend or self.spec.trigger.client

    def inject(self, trigger: str | None) -> str:
        knowing = self._who_knows()
        if self.param("recipe") == "cut-then-kill":
            self._killed = True
            proof = self.arena.cluster.platform.kill(self._old)
        else:
            proof = f"{self._old} and {self._friend} are cut off from everybody ({len(self._cut)} links)"
        return f"{knowing}; {proof}; {self._promoted()}"

    def heal(self) -> str:
        self._links.restore(self._cut)
        proofs = [self.arena.cluster.platform.start_node(self._old)] if self._killed else []
        if self._cut:
            proofs.append(self.arena.prove(pairs(self._cut), carry=True, within=10.0))
        return "; ".join([*proofs, self.arena.cluster.ready()])

    def _stall_replication(self, replicas: list[str]) -> None:
        """Stall the links between primary and replicas while no replica holds the key. Raises HarnessError."""
        among = {self._old, *replicas}
        replication = [n for n in self._links.names() if self._old in ends(n) and set(ends(n)) <= among]
        deadline = time.monotonic() + MOMENT_LIMIT
        self._cut = replication
        while True:
            self._links.cut(replication, "stall")
            if not self._known_to(replicas):
                # What was on its way at the cut has arrived by the time the pings have failed: look once more.
                self.arena.prove(pairs(replication), carry=False)
                if not self._known_to(replicas):
                    return
            self._links.restore(replication)
            if time.monotonic() > deadline:
                raise HarnessError(
                    f"in {MOMENT_LIMIT:g} s no moment came at which no replica held {self.arena.key}; "
                    "let the clients pause between holds (--set workload.think=…)"
                )
            self.arena.watch.sleep(self.arena.random.uniform(0.01, 0.06))

    def _known_to(self, nodes: list[str]) -> list[str]:
        return [node for node in nodes if self.arena.cluster.knows(node, self.arena.key)]

    def _isolate(self) -> None:
        """Cut {old primary, one client} from everybody; what is stalled already stays so."""
        self._friend = self.spec.trigger.client or sorted(self.arena.clients)[0]
        self.targets.append(self._friend)
        rest = [n for n in crossing(self.arena, {self._old, self.arena.sites[self._friend]}) if n not in self._cut]
        self._cut = [*self._cut, *rest]
        self._links.cut(rest, "black-hole")

    def _who_knows(self) -> str:
        """What the servers themselves say of the key before the primary is lost."""
        nodes = [self._old, *self._replicas]
        known = self._known_to(nodes)
        return ", ".join(f"{node} {'holds' if node in known else 'does not hold'} the key" for node in nodes)

    def _promoted(self) -> str:
        """Wait until the cluster's own majority has another primary. Raises HarnessError at the deadline."""
        began = time.monotonic()
        within = self.seconds("within")

        def look() -> str | None:
            primary = self.arena.cluster.primary()
            return primary if primary not in {None, self._old} else None

        new = self.arena.watch.until(look, began + within)
        if new is None:
            roles = self.arena.cluster.roles()
            raise HarnessError(f"nobody was promoted in {within:g} s after {self._old} was lost; the nodes say {roles}")
        return f"{new} in charge {time.monotonic() - began:.2f} s after {self._old} was lost"
