"""Redis primaries with replicas, and nobody who promotes them: an operator does, by hand.

Clients know a stable name. In real life it is a virtual address or a DNS entry, which the operator moves to the node
that was promoted; here the proxy behind the name is led elsewhere. Like a virtual address (and unlike a DNS entry) this
closes the connections that go by it. Source of the operator's steps: Redis documentation, "Replication" and the
commands REPLICAOF and FAILOVER; docs/clusters.md has them one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from nuclei.clusters.base import Settings
from nuclei.clusters.console import ConsoleError, NoAnswer
from nuclei.clusters.redis_conf import LEDGER, ledger_node, redis_node, replication_lines
from nuclei.clusters.redis_servers import RedisServers
from nuclei.clusters.sentinel_view import view
from nuclei.clusters.tended import side_by_side
from nuclei.locks.base import Surroundings
from nuclei.platforms.base import HarnessError, NodeSpec, Platform, Unsupported, Wiring

DEFAULTS: dict[str, float | int | str | bool] = {"persistence": "none", "redis_conf": ""}
REACTION = 0.5
"""Seconds from the loss of a primary until the operator acts. People take minutes and scripts seconds; no lock with a
lease would still be held then, so a trial has an operator who is quick, but not quicker than anybody could see."""
_SETTLE_SECONDS = 3.0
"""How long links that were cut may take to work again before a group is started anew instead."""
_STEP_SECONDS = 10.0
_ASK_SECONDS = 3.0
_FAILOVER_MS = 5000
"""How long a primary that hands over may stop its writes while its replica catches up."""


class RedisByHand(RedisServers):
    """Base of the topologies without anybody who watches: groups of one primary and its replicas (none, perhaps), and
    the ledger."""

    def __init__(self, platform: Platform, settings: Settings) -> None:
        super().__init__(platform, settings)
        self._charge = {name: next(iter(members)) for name, members in self.groups().items()}
        """The node that every stable name leads to now."""

    def groups(self) -> Mapping[str, Mapping[str, int]]:
        """Stable name → its group: node → port, the first primary first."""
        raise NotImplementedError

    def describe(self) -> Sequence[NodeSpec]:
        settings = {**DEFAULTS, **self.settings}
        keep, overlay = str(settings["persistence"]), str(settings["redis_conf"])
        nodes = []
        for members in self.groups().values():
            (first, first_port), *_ = members.items()
            for name, port in members.items():
                of = None if name == first else (first, first_port)
                lines = replication_lines(name, port, of) if len(members) > 1 else ()
                nodes.append(redis_node(name, port, lines=lines, persistence=keep, overlay=overlay))
        return [*nodes, ledger_node()]

    def wiring(self, sites: Sequence[str]) -> Wiring:
        """The members of a group talk to each other; clients of one that has replicas come by its name."""
        groups = self._replicated()
        pairs = [(a, b) for group in groups.values() for a in group for b in group if a != b]
        return Wiring(
            nodes=list(self.nodes.values()),
            peers=[(source, target, self.nodes[target].port) for source, target in pairs],
            served=list(self.nodes),
            sites=sites,
            names={name: next(iter(members)) for name, members in groups.items()},
        )

    def surroundings(self, site: str, settings: Settings) -> Surroundings:
        """Clients are told of the names, not of who is behind them."""
        told = super().surroundings(site, settings)
        groups = self._replicated()
        by_name = {name: self.platform.endpoint(site, name) for name in groups}
        servers = [name if name in groups else next(iter(members)) for name, members in self.groups().items()]
        return msgspec.structs.replace(
            told, endpoints={**told.endpoints, **by_name}, nodes={**told.nodes, "redis": servers}
        )

    def _replicated(self) -> dict[str, Mapping[str, int]]:
        return {name: members for name, members in self.groups().items() if len(members) > 1}

    def _name_of(self, node: str) -> str:
        """The stable name of the group that ``node`` is in."""
        return next(name for name, members in self.groups().items() if node in members)

    def ready(self, deadline: float = 30.0) -> str:
        """Every name leads to a node that says master, and all others of its group say that they follow it."""
        self.wait("an answer from every server, and replication", self._missing, deadline)
        self.remember()
        following = {node: self._replicas_of(node) for node in self._charge.values()}
        said = [f"{node} with {', '.join(others)} after it" if others else node for node, others in following.items()]
        return f"{', '.join((*said, LEDGER))} answer, all say master"

    def _replicas_of(self, node: str) -> list[str]:
        return [other for other in self.groups()[self._name_of(node)] if other != node]

    def _missing(self) -> str | None:
        said = side_by_side(self.groups(), self._problems)
        problems = [problem for found in said.values() for problem in found]
        if self.servers[LEDGER].role() != "master":
            problems.append("the ledger does not answer")
        return "; ".join(problems) or None

    def _problems(self, name: str) -> list[str]:
        seen = view(self.consoles, self.groups()[name], [])
        lost = seen.primary not in {None, self._charge[name]}
        return [*seen.problems, *([f"{name} leads to {self._charge[name]}, not to {seen.primary}"] if lost else [])]

    def reset(self, key: str) -> str:
        """Groups in which nothing moved are wiped; the others start pristine, in their first roles."""
        dead = self.revive()
        if LEDGER in dead:
            self.platform.start_node(LEDGER, pristine=True)
        settled = side_by_side(self.groups(), lambda name: self._settled(name, dead))
        moved = [name for name, still in settled.items() if not still]
        side_by_side(moved, self._begin_again)
        proof = self.ready()
        side_by_side(self._charge.values(), lambda node: self.wipe_replicated(node, self._replicas_of(node)))
        self.servers[LEDGER].wipe()
        anew = [node for name in moved for node in self.groups()[name]]
        restarted = f", {', '.join(anew)} started pristine" if anew else ""
        return f"{proof}; all hold no keys{restarted}"

    def _settled(self, name: str, dead: Sequence[str]) -> bool:
        first, *_ = self.groups()[name]
        if self._charge[name] != first or set(dead) & set(self.groups()[name]):
            return False
        try:
            self.wait(f"the group {name}", lambda: "; ".join(self._problems(name)) or None, _SETTLE_SECONDS)
        except HarnessError:
            return False
        return True

    def _begin_again(self, name: str) -> None:
        """The replicas after their primary: one that finds nobody tries again a second later only."""
        first, *replicas = self.groups()[name]
        self.platform.start_node(first, pristine=True)
        self._until([first], "to be a primary", lambda: self.servers[first].role() == "master")
        side_by_side(replicas, lambda node: self.platform.start_node(node, pristine=True))
        if replicas:
            self._lead(name, first)

    def alone(self) -> Sequence[str]:
        return [node for members in self.groups().values() for node in members if len(members) == 1]

    def primary(self) -> str | None:
        """The first node that a name leads to and that says itself that it is a primary."""
        roles = self.roles()
        return next((node for node in self._charge.values() if roles[node] in {"primary", "standalone"}), None)

    def replicas(self, primary: str) -> list[str]:
        """Those of its group that say that they are replicas."""
        return [node for node in self._replicas_of(primary) if self.servers[node].role() == "slave"]

    def successor(self, old: str) -> str | None:
        node = self._charge[self._name_of(old)]
        return node if node != old and self.servers[node].role() == "master" else None

    def promote(self, old: str) -> str:
        """REPLICAOF NO ONE on the replica that has heard most, the others follow it, the name leads to it."""
        time.sleep(float(self.settings.get("reaction", REACTION)))
        name, new = self._name_of(old), self._heir(old)
        self._command(new, "REPLICAOF", "NO", "ONE")
        self._until([new], "to be a primary", lambda: self.servers[new].role() == "master")
        self._crown(name, new, [node for node in self.replicas(new) if node != old])
        return f"the operator promoted {new} and made {name} lead to it"

    def hand_over(self, old: str) -> str:
        """FAILOVER: the primary stops its writes until its replica has them all, then they change places."""
        name, new = self._name_of(old), self._heir(old)
        host, port = self._address(new)
        try:
            self.consoles[old].ask("FAILOVER", "TO", host, port, "TIMEOUT", _FAILOVER_MS, timeout=_ASK_SECONDS)
        except ConsoleError as error:
            raise Unsupported(f"{old} does not hand over in order (Redis 6.2 and later can): {error}") from error
        except NoAnswer as error:
            raise HarnessError(f"{old} was told to hand over to {new} and did not answer: {error}") from error
        places = {new: "master", old: "slave"}
        self._until(
            [old, new],
            "to change places",
            lambda: all(self.servers[node].role() == role for node, role in places.items()),
        )
        self._crown(name, new, [node for node in self.replicas(new) if node != old])
        return f"{old} handed over to {new} with all its writes (FAILOVER), and {name} leads to it"

    def rejoin(self, old: str) -> str:
        """REPLICAOF on the one that is back; the name leads everybody to the one in charge."""
        name = self._name_of(old)
        if (new := self._charge[name]) == old:
            return ""
        self._crown(name, new, [old])
        return f"the operator made {old} a replica of {new}"

    def _heir(self, old: str) -> str:
        """The replica that has heard most. Raises HarnessError when there is none."""
        self._until(self._replicas_of(old), "to be there for promotion", lambda: bool(self.replicas(old)))
        heard = {node: self._offset(node) for node in self.replicas(old)}
        return max(heard, key=lambda node: heard[node])

    def _offset(self, node: str) -> int:
        try:
            return int(self.consoles[node].info("replication", timeout=_ASK_SECONDS)["slave_repl_offset"])
        except (NoAnswer, ConsoleError, KeyError) as error:
            raise HarnessError(f"{node} does not say how much it has heard: {error}") from error

    def _crown(self, name: str, new: str, others: Sequence[str]) -> None:
        """The others follow ``new``, and the name leads to it."""
        for node in others:
            self._command(node, "REPLICAOF", *self._address(new))
        self._lead(name, new)

    def _lead(self, name: str, node: str) -> None:
        self.platform.links.lead(name, node)
        self._charge[name] = node

    def _address(self, node: str) -> tuple[str, int]:
        """What the servers call a node."""
        return self.platform.place(node).hosts[node], self.nodes[node].port

    def _command(self, node: str, *words: str | int) -> None:
        try:
            self.consoles[node].ask(*words, timeout=_ASK_SECONDS)
        except (NoAnswer, ConsoleError) as error:
            raise HarnessError(f"{node} did not do {' '.join(map(str, words))}: {error}") from error

    def _until(self, nodes: Sequence[str], what: str, look: Callable[[], bool]) -> None:
        what = f"{' and '.join(nodes)} {what}"
        self.wait(what, lambda: None if look() else f"the nodes say {self.roles()}", _STEP_SECONDS, nodes)
