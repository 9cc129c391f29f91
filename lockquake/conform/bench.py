"""A started cluster, the lock under test, and what a check may do with them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from histories.spec import Spec
from lockquake.conform.outcome import NotApplicable
from lockquake.conform.taker import Taker
from lockquake.conform.truth import Truth
from lockquake.crew import lock_key
from lockquake.plan import Plan, Setting
from lockquake.rig import Rig
from lockquake.rundir import RunDirectory
from nuclei.clients.process import ClientProcess
from nuclei.clients.protocol import Configure
from nuclei.locks.loading import load
from nuclei.network.links import Streams

HOLDING, LAPSING = 30.0, 1.0
"""Seconds of lease for checks that a holder must outlast, and for those that wait for its end, unless the user set
one."""
LONGEST_LAPSE = 12.0
"""Leases and sessions longer than this are not waited for."""
PROBE = "lockquake.conform.probe:Probe"


class Bench:
    """For one check at a time: clients, their links, and the servers' truth."""

    def __init__(self, plan: Plan, rig: Rig, directory: RunDirectory, *, own_lease: bool) -> None:
        self.plan = plan
        self.rig = rig
        self.directory = directory
        self.entry = load(plan.lock)
        self.key = lock_key(plan)
        self.truth = Truth(directory.part("servers"))
        self._own_lease = own_lease
        self._numbers = itertools.count(1)
        self._stack = ExitStack()

    @contextmanager
    def stage(self) -> Iterator[Bench]:
        """For one check: a cluster without any trace of earlier ones; its clients end with it."""
        self.rig.platform.links.restore_all()
        self.rig.cluster.reset(self.key)
        self.truth.free(2.0)
        with ExitStack() as self._stack:
            yield self

    # ---- what the lock is

    def settings(self, lease: float) -> dict[str, Setting]:
        """The lock's settings, with this lease in seconds where it has one that the user did not set."""
        settings = dict(self.plan.lock_settings)
        if "ttl" in settings and not self._own_lease:
            settings["ttl"] = lease
        return settings

    def spec(self, lease: float = HOLDING) -> Spec:
        """What the lock promises."""
        return self.entry.spec({**self.settings(lease), **self.plan.cluster_settings})

    def lapse(self, *, of_session: bool = True) -> float:
        """Seconds after which a silent holder's lock lapses, with the short lease. Raises NotApplicable where it never
        does (or, unless ``of_session``, only with a session), or not soon enough to wait for."""
        spec = self.spec(LAPSING)
        spans = [span for span in (spec.lease_ns, spec.session_ns if of_session else None) if span is not None]
        if not spans:
            raise NotApplicable("it has no lease" + (" or session" if of_session else ""))
        seconds = min(spans) / 1e9
        if seconds > LONGEST_LAPSE:
            raise NotApplicable(f"its lease of {seconds:g} s is too long to wait for; try --set lock.ttl=2")
        return seconds

    def declares(self, attribute: str, otherwise: object) -> object:
        """What the adapter's class says of itself."""
        return getattr(self.entry.make, attribute, otherwise)

    # ---- clients

    def takers(self, count: int = 2, lease: float = HOLDING) -> list[Taker]:
        """So many clients, connected, ``c1`` first."""
        made = [self._taker(f"c{number}", self.plan.lock, self.settings(lease)) for number in range(1, count + 1)]
        for taker in made:
            taker.ready()
        return made

    def rivals(self, count: int = 2, lease: float = HOLDING) -> list[Taker]:
        """The same, for checks in which only one of them may hold the lock. Raises NotApplicable."""
        if (permits := self.spec().permits) > 1:
            raise NotApplicable(f"its spec lets {permits} clients hold it at once")
        return self.takers(count, lease)

    def probe(self, look: str, lease: float = HOLDING) -> Taker:
        """A client whose lock is the one under test behind a probe (see :mod:`~.probe`)."""
        settings = {**self.settings(lease), "probe_lock": self.plan.lock, "probe_look": look}
        taker = self._taker("c1", PROBE, settings)
        taker.ready()
        return taker

    def _taker(self, site: str, lock: str, settings: dict[str, Setting]) -> Taker:
        name = f"{site}.{next(self._numbers)}"
        configure = Configure(
            client=name,
            lock=lock,
            key=self.key,
            surroundings=self.rig.cluster.surroundings(site, settings),
            part=str(self.directory.part(name).resolve()),
            seed=self.plan.stream_seed(name),
        )
        taker = Taker(site, ClientProcess(configure, self.directory.path / "logs"))
        self._stack.callback(taker.stop)
        return taker

    # ---- links

    @contextmanager
    def cut(self, taker: Taker, streams: Streams = "both", *, late: bool = False) -> Iterator[Callable[[], None]]:
        """Let nothing pass between a client and the servers, or nothing in one direction; ``late``: it is delivered
        afterwards. Gives what closes the cut connections for good, so that their owners learn of it."""
        links = self.rig.platform.links
        names = [name for name in links.names(source=taker.name) if links.links[name].target != "ledger"]
        closed: list[str] = []

        def close() -> None:
            for name in names:
                links.control.disable(name)
                closed.append(name)

        links.cut(names, "stall" if late else "black-hole", streams)
        try:
            yield close
        finally:
            for name in closed:
                links.control.enable(name)
            links.restore(names)
