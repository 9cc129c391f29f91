"""A primary, two replicas and three sentinels: the topology most Redis locks run on, and the one that loses them.

Replication is asynchronous: a promoted replica knows only what had reached it. See "High availability with Redis
Sentinel" in the Redis documentation.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from histories.write import PartWriter
from nuclei.clusters.base import ClusterEntry, Observer
from nuclei.clusters.console import ConsoleError, NoAnswer
from nuclei.clusters.redis_conf import LEDGER, REDIS_PORT, SENTINEL_PORT, ledger_node, redis_node, replication_lines
from nuclei.clusters.redis_servers import RedisServers
from nuclei.clusters.sentinel_conf import MASTER_NAME, sentinel_node
from nuclei.clusters.sentinel_view import Snapshot, View, elections, records, snapshot, tilts, view
from nuclei.clusters.tended import side_by_side
from nuclei.platforms.base import HarnessError, NodeSpec, Wiring

PRIMARY = "redis-1"
_REDIS = {f"redis-{i}": REDIS_PORT + i for i in (1, 2, 3)}
_BY_PORT = {str(port): name for name, port in _REDIS.items()}
_SENTINELS = {f"sentinel-{i}": SENTINEL_PORT + i for i in (1, 2, 3)}
_QUORUM = 2
# Redis 7 and later let a running sentinel ask more often than every 10 s, which is what a demotion waits for.
_PERIODS = ("INFO-PERIOD", 1000, "PUBLISH-PERIOD", 500, "MIN-LINK-RECONNECT-PERIOD", 1000)

# How long links that were cut may take to work again before everything is started anew instead.
_SETTLE_SECONDS = 3.0
_REPLICATION_SECONDS = 20.0
_ATTEMPTS = 3

DEFAULTS: dict[str, float | int | str | bool] = {
    "down_after": 0.8,
    "failover_timeout": 5.0,
    "master_name": MASTER_NAME,
    "persistence": "none",
    "redis_conf": "",
    "sentinel_conf": "",
}


class RedisSentinel(RedisServers):
    """``redis-1`` (first primary), ``redis-2``, ``redis-3``, ``sentinel-1`` to ``-3``, quorum 2, and the ledger.

    Settings (seconds): ``down_after``, ``failover_timeout``; ``persistence`` (``none``, ``aof``); ``redis_conf`` and
    ``sentinel_conf`` (own lines); ``master_name`` is told to clients and fixed.
    """

    name = "redis-sentinel"

    _born: Snapshot | None = None
    _before: Mapping[str, str] = MappingProxyType({})

    def describe(self) -> Sequence[NodeSpec]:
        settings = {**DEFAULTS, **self.settings}
        replicas = {name: port for name, port in _REDIS.items() if name != PRIMARY}
        sentinels = [
            sentinel_node(
                name,
                _SENTINELS,
                (PRIMARY, _REDIS[PRIMARY]),
                replicas,
                quorum=_QUORUM,
                down_after=float(settings["down_after"]),
                failover_timeout=float(settings["failover_timeout"]),
                overlay=str(settings["sentinel_conf"]).splitlines(),
            )
            for name in _SENTINELS
        ]
        return [*(self._redis(name, settings) for name in _REDIS), *sentinels, ledger_node()]

    def _redis(self, name: str, settings: dict[str, float | int | str | bool]) -> NodeSpec:
        return redis_node(
            name,
            _REDIS[name],
            lines=replication_lines(name, _REDIS[name], None if name == PRIMARY else (PRIMARY, _REDIS[PRIMARY])),
            persistence=str(settings["persistence"]),
            overlay=str(settings["redis_conf"]),
        )

    def wiring(self, sites: Sequence[str]) -> Wiring:
        """Everybody talks to the Redis servers and the sentinels to each other; nobody talks to the ledger."""
        nodes = list(self.nodes.values())
        talkers = [node for node in nodes if node.role != "ledger"]
        peers = [
            (source.name, target.name, target.port)
            for source in talkers
            for target in talkers
            if source is not target and not (source.role == "redis" and target.role == "sentinel")
        ]
        return Wiring(nodes=nodes, peers=peers, served=list(self.nodes), sites=sites)

    def ready(self, deadline: float = 30.0) -> str:
        """Replication up everywhere, and every sentinel knows all others, both replicas and the same primary."""
        self.wait("a replicating, watched primary", lambda: self._view().missing(), deadline)
        self._speed_up()
        seen = self._view()
        self.remember()
        return f"{seen.primary} replicates to 2, 3 sentinels agree on it, each knows 2 others and 2 healthy replicas"

    def serving(self, deadline: float = 30.0) -> str:
        """Every node answers, no sentinel sees a failover under way, and most name a primary that says so itself. A
        former primary that was dead is made a replica 8 to 18 s after it came back (before Redis 7, see ``_PERIODS``);
        nobody asks it meanwhile."""
        self.wait("a primary, and an answer from every node", self._unserved, deadline)
        return f"every node answers, most sentinels name {self.primary()}"

    def _unserved(self) -> str | None:
        silent = [name for name, role in self.roles().items() if role == "down"]
        if silent:
            return f"{', '.join(silent)} did not answer"
        said = self.ask_each(_SENTINELS, "SENTINEL", "MASTER", MASTER_NAME)
        flags = {name: records(reply)[0].get("flags") if reply else None for name, reply in said.items()}
        if any(flag != "master" for flag in flags.values()):  # down, or a failover in progress
            return f"the sentinels see the primary as {flags}"
        return None if self.primary() is not None else "no primary that most sentinels name"

    def _view(self) -> View:
        return view(self.consoles, _REDIS, _SENTINELS)

    def _speed_up(self) -> None:
        """Shorter periods, where the version has them; elsewhere a demotion after a heal takes up to 10 s."""

        def one(name: str) -> None:
            with contextlib.suppress(ConsoleError):  # before Redis 7
                self.consoles[name].ask("SENTINEL", "DEBUG", *_PERIODS, timeout=3.0)

        try:
            side_by_side(_SENTINELS, one)
        except NoAnswer as error:
            raise HarnessError(f"the sentinels' periods could not be shortened: {error}") from error

    def reset(self, key: str) -> str:
        """Cheap when nothing moved since the last pristine start; else all nodes but the ledger start pristine.

        A sentinel refuses the next failover within twice the failover timeout of the last, so bringing the roles back
        by another failover would cost ten seconds.
        """
        dead = self.revive()
        if LEDGER in dead:
            self.platform.start_node(LEDGER, pristine=True)
        if set(dead) <= {LEDGER} and self._settled():
            proof = "nothing had moved (same runs, roles and epoch)"
            self.wipe_replicated(PRIMARY, [name for name in _REDIS if name != PRIMARY])
        else:
            proof = f"all started pristine: {self._begin_again()}"
        self.servers[LEDGER].wipe()
        self._before = {name: self.platform.logs(name) for name in _SENTINELS}
        return f"{proof}; no keys anywhere"

    def _begin_again(self) -> str:
        """Every server and sentinel as if new. On a starved machine the sentinels may see a primary down that is not:
        then once more. Raises HarnessError."""
        for _ in range(_ATTEMPTS):
            side_by_side(_SENTINELS, self._silence)
            side_by_side(_REDIS, lambda name: self.platform.start_node(name, pristine=True))
            self.wait("replication", lambda: self._replication().missing(), _REPLICATION_SECONDS, list(_REDIS))
            side_by_side(_SENTINELS, lambda name: self.platform.start_node(name, pristine=True))
            proof = self.ready()
            born = self._snapshot()
            if born is not None and born.roles[PRIMARY] == "master":
                self._born = born
                return proof
        raise HarnessError(
            f"after {_ATTEMPTS} fresh starts {PRIMARY} was not the primary: the sentinels fail over by themselves, "
            "probably because this machine is too busy for down_after; give it more time with --set cluster.down_after"
        )

    def _silence(self, name: str) -> None:
        """A sentinel that watches nothing can neither put the new servers into the roles it remembers nor tell the new
        sentinels of an epoch in which somebody else was the primary. One that does not answer is killed."""
        try:
            self.consoles[name].ask("SENTINEL", "REMOVE", MASTER_NAME)
        except ConsoleError:  # "No such master with that name"
            return
        except NoAnswer:
            self.platform.kill(name)

    def _replication(self) -> View:
        return view(self.consoles, _REDIS, [])

    def _settled(self) -> bool:
        """Whether these are the very runs, in their first roles, no failover begun since, and all healthy again."""
        now = self._snapshot()
        born = self._born or now
        if now is None or now != born or now.roles[PRIMARY] != "master":
            return False
        if any(elections(self.platform.logs(name)) > elections(self._before.get(name, "")) for name in _SENTINELS):
            return False
        try:
            self.ready(_SETTLE_SECONDS)
        except HarnessError:
            return False
        self._born = born
        return self._snapshot() == born

    def _snapshot(self) -> Snapshot | None:
        return snapshot(self.consoles, list(_REDIS), list(_SENTINELS))

    def primary(self) -> str | None:
        """The primary that most sentinels name, provided it says so itself: right after a failover most of them may
        still name the one that died, while a client already follows the sentinel that led it."""
        said = self.ask_each(_SENTINELS, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME, timeout=0.3)
        votes = Counter(_BY_PORT.get(str(reply[1])) for reply in said.values() if reply and reply[0])
        named = next((name for name, count in votes.items() if count * 2 > len(_SENTINELS)), None)
        return named if named is not None and self.servers[named].role() == "master" else None

    def problems(self) -> list[str]:
        """Sentinels that went into TILT mode: they do nothing for 30 s, so the trial shows nothing."""
        now = {name: tilts(self.platform.logs(name)) for name in _SENTINELS}
        return [
            f"{name} went into TILT mode (it was frozen or starved for more than 2 s) and ignored everything for 30 s"
            for name, count in now.items()
            if count > tilts(self._before.get(name, ""))
        ]

    def observer(self, key: str, writer: PartWriter) -> Observer:
        from nuclei.clusters.observers.redis import RedisObserver

        return RedisObserver(self.platform, _REDIS, key, writer)


CLUSTER = ClusterEntry(
    name="redis-sentinel",
    summary="a Redis primary, two replicas and three sentinels that fail over",
    make=RedisSentinel,
    images=("redis",),
    defaults=DEFAULTS,
    replicates=True,
)
