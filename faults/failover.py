"""Failovers: two recipes that lose what was not replicated, and one that loses nothing.

The two come from measurements of Redis Sentinel (asynchronous replication is documented as unsafe for locks: Redis
manual, "Distributed Locks with Redis", section "Why failover-based implementations are not enough"). Where a cluster
promotes nobody by itself, the operator does (``Cluster.promote``). Both begin by stalling replication at a moment when
no replica holds the key: a replica that was cut off while it held one would, once promoted, keep a dead lock until its
lease ends, and nobody would be let in (measured).
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from faults.arena import Arena
from faults.base import FaultFamily
from faults.grammar import BadArgument
from faults.schedule import FaultSpec
from faults.sides import crossing, ends, pairs
from faults.targets import node_target
from nuclei.clusters.base import ClusterEntry, Settings
from nuclei.platforms.base import HarnessError
from nuclei.platforms.choice import Ability

RECIPES = ("cut-then-kill", "split-brain", "ordered")
NOBODY = "nobody"
MOMENT_LIMIT = 15.0
"""Seconds within which a moment must come at which no replica holds the key."""
SEEN_AFTER = 0.2
"""Seconds that a primary lives on once it has granted: its observer must have read the key, or nobody can prove later
whose was lost. In an observer's bad moment a kill comes first otherwise (1 of 7 on platform process, measured)."""
READ_LIMIT = 5.0
"""Seconds within which a replica must say that it is one: one reading may fail on a busy machine."""
STALL_LIMIT = 2.0
"""Seconds for which replication may be stalled before the rest is cut: a replica that has heard nothing for ten times
down-after is no longer promoted."""


class Failover(FaultFamily):
    """Move the primary's role to another node while a client holds the lock.

    ``cut-then-kill`` cuts replication, lets a client acquire, kills the primary: a replica without the key is
    promoted. ``split-brain`` isolates {primary, one client} from everybody: the others elect a new primary, and the
    old one goes on granting to its client. ``ordered`` is what should be done on a working day: the primary hands over
    to a replica that has everything.

    ``without`` gives the triggering client a bare majority of several primaries: it cannot reach those named.
    """

    name = "failover"
    marker = "failover"
    summary = "promote another node that has not heard of the lock"
    parameters = {
        "recipe": ("cut-then-kill", "cut-then-kill, split-brain or ordered"),
        "target": ("primary", "primary, or the name of one, where there are several"),
        "without": ("nobody", "several primaries: those the triggering client cannot reach: redis-4+redis-5"),
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
        self._without: list[str] = []
        self._friend: str | None = None
        self._replicas: list[str] = []
        self._killed = False

    @classmethod
    def impossible_on(cls, cluster: ClusterEntry) -> str | None:
        if cluster.replicates:
            return None
        if cluster.no_failover:
            return cluster.no_failover
        return f"failover needs a replica that can be promoted before it has heard of the lock; {cluster.name} has none"

    @classmethod
    def impossible_with(cls, spec: FaultSpec, cluster: ClusterEntry, settings: Settings) -> str | None:
        if int(settings.get("replicas", 1)) == 0:
            return f"failover needs a replica to promote; give {cluster.name} some with --set cluster.replicas=1"
        if spec.params.get("recipe") == "ordered" and not cluster.hands_over:
            return f"{cluster.name} has no procedure that hands the primary's role over without loss"
        if spec.params.get("recipe") == "split-brain" and cluster.minority_stops:
            return f"a primary of {cluster.name} that hears no majority stops granting before its isolation is proven"
        return super().impossible_with(spec, cluster, settings)

    @classmethod
    def needs(cls, spec: FaultSpec, *, linked: bool) -> frozenset[Ability]:
        return frozenset() if spec.params.get("recipe") == "ordered" else frozenset({"links-between-nodes"})

    @classmethod
    def check_names(cls, spec: FaultSpec, nodes: Sequence[str], clients: Sequence[str]) -> None:
        """Also of the primaries that the client cannot reach. Raises BadArgument."""
        super().check_names(spec, nodes, clients)
        if unknown := sorted(set(_named(spec.params.get("without", NOBODY))) - set(nodes)):
            raise BadArgument(f"without={unknown[0]}: no such node (it may be {NOBODY}, or {'+'.join(nodes)})")

    def prepare(self) -> None:
        self._old = node_target(self.arena, self.param("target"))
        self.targets = [self._old]
        replicas = self.arena.watch.until(lambda: self.arena.cluster.replicas(self._old), time.monotonic() + READ_LIMIT)
        if replicas is None:
            raise HarnessError(f"{self._old} has no replica now; the nodes say {self.arena.cluster.roles()}")
        self._replicas = replicas
        if self.param("recipe") == "ordered":
            return
        if self.param("recipe") == "split-brain":
            self._friend = self.spec.trigger.client or sorted(self.arena.clients)[0]
            self.targets.append(self._friend)
        self._shorten()
        deadline = time.monotonic() + MOMENT_LIMIT
        while not (self._stalled(deadline) and self._isolated_for_certain()):
            self._links.restore(self._cut)
            if time.monotonic() > deadline:
                raise HarnessError(
                    f"in {MOMENT_LIMIT:g} s no moment came at which {self.arena.key} was not on a node where it would "
                    "outlive its holder; let the clients pause between holds (--set workload.think=…)"
                )

    def trigger_client(self) -> str | None:
        return self._friend or (self._short_of() if self._without else self.spec.trigger.client)

    def inject(self, trigger: str | None) -> str:
        knowing = self._who_knows()
        if self.param("recipe") == "cut-then-kill":
            self.arena.watch.sleep(SEEN_AFTER)
            self._killed = True
            proof = self.arena.cluster.platform.kill(self._old)
        elif self.param("recipe") == "ordered":
            return f"{knowing}; {self.arena.cluster.hand_over(self._old)}; {self._promoted()}"
        else:
            proof = f"{self._old} and {self._friend} are cut off from everybody ({len(self._cut)} links)"
        steps = [knowing, proof, self.arena.cluster.promote(self._old), self._promoted()]
        return "; ".join(step for step in steps if step)

    def heal(self) -> str:
        cluster = self.arena.cluster
        self._links.restore([*self._cut, *self._without])
        proofs = [cluster.platform.start_node(self._old)] if self._killed else []
        if self._cut:
            proofs.append(self.arena.prove(pairs([*self._cut, *self._without]), carry=True, within=10.0))
        proofs.append(cluster.rejoin(self._old))
        # A killed primary is nobody's any more; one that was only cut off still grants to its side until it is demoted.
        whole = cluster.serving if self._killed else cluster.ready
        return "; ".join(proof for proof in [*proofs, whole()] if proof)

    def _short_of(self) -> str:
        """The client that gets a bare majority."""
        return self.spec.trigger.client or sorted(self.arena.clients)[0]

    def _shorten(self) -> None:
        """Cut the client that triggers off from the primaries it is to do without, and prove it."""
        site = self.arena.sites[self._short_of()]
        self._without = [f"{site}>{node}" for node in _named(self.param("without"))]
        if self._without:
            self._links.cut(self._without, "close")
            self.arena.prove(self._without, carry=False)

    def _stalled(self, deadline: float) -> bool:
        """Stall replication when nobody is inside; whether no replica holds the key now. What is stalled comes later,
        so a moment that was missed does no harm."""
        among = {self._old, *self._replicas}
        self._cut = [n for n in self._links.names() if self._old in ends(n) and set(ends(n)) <= among]
        # A key that was on its way when the client was cut off from a primary is left there until it lapses.
        free = [*self._replicas, *_named(self.param("without"))]
        self.arena.watch.until(lambda: not self.arena.watch.inside() and not self._known_to(free), deadline)
        self._links.cut(self._cut, "stall")
        return not self._known_to(self._replicas)

    def _isolate(self) -> None:
        """For a split brain, cut {old primary, one client} from everybody else while that client is inside. A moment
        that was missed costs time only: the key that another client left behind has to lapse first. Bytes are lost from
        here on, so there is no second try."""
        friend = self._friend
        if friend is None:
            return
        self.arena.watch.until(lambda: friend in self.arena.watch.inside(), time.monotonic() + STALL_LIMIT)
        crossed = crossing(self.arena, {self._old, self.arena.sites[friend]})
        rest = [name for name in crossed if name not in self._cut]
        self._cut = [*self._cut, *rest]
        self._links.cut(rest, "black-hole")

    def _isolated_for_certain(self) -> bool:
        """Isolate and wait until pings fail; what was on its way to a replica at the cut has arrived by then: look once
        more whether it knows the key."""
        self._isolate()
        self.arena.prove(pairs(self._cut), carry=False)
        return not self._known_to(self._replicas)

    def _known_to(self, nodes: list[str]) -> list[str]:
        return [node for node in nodes if self.arena.cluster.knows(node, self.arena.key)]

    def _who_knows(self) -> str:
        """What the servers themselves say of the key before the primary is lost."""
        nodes = [self._old, *self._replicas]
        known = self._known_to(nodes)
        return ", ".join(f"{node} {'holds' if node in known else 'does not hold'} the key" for node in nodes)

    def _promoted(self) -> str:
        """Wait until the cluster's own majority has another primary. Raises HarnessError at the deadline."""
        began = time.monotonic()
        within = self.seconds("within")

        new = self.arena.watch.until(lambda: self.arena.cluster.successor(self._old), began + within)
        if new is None:
            roles = self.arena.cluster.roles()
            raise HarnessError(f"nobody was promoted in {within:g} s after {self._old} was lost; the nodes say {roles}")
        return f"{new} in charge {time.monotonic() - began:.2f} s after {self._old} was lost"


def _named(text: str) -> list[str]:
    return [] if text == NOBODY else text.split("+")
