"""The client processes of one trial: started side by side, watched, ended whatever state they are in."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from faults.watch import Watch
from histories.rows import AnyRow
from histories.rows import Client as ClientRow
from histories.vocabulary import ClientState
from histories.write import PartWriter
from lockquake.plan import Plan
from lockquake.rig import Rig
from lockquake.rundir import RunDirectory
from nuclei.clients.process import ClientProcess
from nuclei.clients.protocol import Configure, Done, Finish, LedgerAccess, Run
from nuclei.locks.loading import load
from nuclei.platforms.base import HarnessError
from nuclei.workloads.base import LEFT

KEY = "lockquake:lock"
START_LIMIT = 30.0
END_LIMIT = 3.0
AT_ONCE = 2 * (os.cpu_count() or 1)
"""So many clients start at a time: a hundred at once would hold up each other until their connections time out."""


def lock_key(plan: Plan) -> str:
    """The lock's name in a trial's rows, which is its key on the servers."""
    return load(plan.lock).key_prefix + KEY


class Crew:
    """All clients of a trial by process name, ``c1`` first."""

    def __init__(self, plan: Plan, rig: Rig, directory: RunDirectory, watch: Watch, writer: PartWriter) -> None:
        self.plan = plan
        self.rig = rig
        self.watch = watch
        self.writer = writer
        names = [f"c{number}" for number in range(1, plan.clients + 1)]
        self.sites = {name: rig.sites[index % len(rig.sites)] for index, name in enumerate(names)}
        self.names = names
        self.clients: dict[str, ClientProcess] = {}
        self.directory = directory

    def start(self) -> float:
        """Spawn, configure and connect all clients; returns the seconds it took. Raises HarnessError."""
        began = time.monotonic()
        starting: deque[str] = deque()
        for name in self.names:
            client = ClientProcess(self._configure(name), self.directory.path / "logs")
            self.clients[name] = client
            client.on_row(self._feed(name))
            starting.append(name)
            if len(starting) >= AT_ONCE:
                self._ready(starting.popleft())
        for name in starting:
            self._ready(name)
        return time.monotonic() - began

    def _ready(self, name: str) -> None:
        ready = self.clients[name].ready(START_LIMIT)
        self._record(name, "started", ready.pid)

    def work(self) -> None:
        """Let all clients begin their workload."""
        since = time.monotonic_ns()
        for client in self.clients.values():
            client.send(Run(workload=self.plan.workload, params=dict(self.plan.workload_settings), since=since))

    def working(self) -> list[str]:
        """The processes that are alive and have not come to the end of their work."""
        return [name for name, client in self.clients.items() if client.alive and client.done is None]

    def give_up(self) -> list[str]:
        """Ask those still at work to finish, and what each leaves undone."""
        late = self.working()
        for name in late:
            with contextlib.suppress(HarnessError):
                self.clients[name].send(Finish())
        deadline = time.monotonic() + END_LIMIT
        return [f"{name} {self._left(name, deadline - time.monotonic())}" for name in late]

    def _left(self, name: str, limit: float) -> str:
        try:
            done = self.clients[name].expect(Done, max(0.0, limit))
        except HarnessError:
            return "did not answer"
        return f"had {done.figures.get(LEFT, 0):.0f} left"

    def surviving(self) -> list[str]:
        """The processes that are still alive."""
        return [name for name, client in self.clients.items() if client.alive]

    def trouble(self) -> str | None:
        """What a client reported of itself (not of its lock), or that it died by itself; None when all is well."""
        for name, client in self.clients.items():
            if client.trouble:
                return f"client {name}: {client.trouble}"
            if not client.alive and client.killed is None:
                return f"client {name} ended by itself; see {client.stderr}"
        return None

    def end(self) -> None:
        """End all clients within a few seconds, the paused ones too; the rows say who had to be killed."""
        if not self.clients:
            return
        killed_before = {name for name, client in self.clients.items() if client.killed is not None}
        with ThreadPoolExecutor(max_workers=len(self.clients)) as pool:
            endings = pool.map(lambda client: client.end(END_LIMIT), self.clients.values())
            for (name, client), ending in zip(self.clients.items(), endings, strict=True):
                if ending.how == "killed" and name not in killed_before:
                    self._record(name, "killed", client.pid, "did not come to its end in time")

    def _configure(self, name: str) -> Configure:
        cluster, site = self.rig.cluster, self.sites[name]
        settings = self.plan.lock_settings
        return Configure(
            client=name,
            lock=self.plan.lock,
            key=lock_key(self.plan),
            surroundings=cluster.surroundings(site, settings),
            part=str(self.directory.part(name).resolve()),
            seed=self.plan.stream_seed(name),
            number=self.names.index(name) + 1,
            clients=len(self.names),
            ledger=LedgerAccess(
                endpoint=self.rig.platform.endpoint(site, "ledger"),
                checked=self.plan.spec().fencing_checked,
                timeout=float(self.plan.ledger_settings["timeout"]),
            ),
        )

    def _feed(self, name: str) -> Callable[[AnyRow], None]:
        return lambda row: self.watch.feed(name, row)

    def _record(self, name: str, state: ClientState, pid: int | None, why: str | None = None) -> None:
        client = self.clients[name].client
        row = ClientRow(t=time.monotonic_ns(), client=client, state=state, pid=pid, why=why)
        self.writer.write(row)
        self.watch.feed(name, row)


def require_no_trouble(crew: Crew) -> None:
    """Raises HarnessError when a client is in trouble of its own."""
    trouble = crew.trouble()
    if trouble:
        raise HarnessError(trouble)
