"""What faults act on: the cluster, its links and the client processes of one trial, and the record of what was done."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from faults.watch import Watch
from histories.rows import Client as ClientRow
from histories.rows import Fault as FaultRow
from histories.vocabulary import ClientState, FaultState
from histories.write import PartWriter
from nuclei.clients.process import ClientProcess
from nuclei.clusters.base import Cluster
from nuclei.platforms.base import HarnessError


class NotExercised(Exception):
    """A trigger was never reached, so the fault never happened; the trial says nothing about it."""


@dataclass
class Arena:
    """One trial's cluster and clients. ``key``: the lock's name on the servers. ``lapse``: its lease or session in
    seconds (None: it has neither); ``lease``: its TTL alone. ``shared``: several may be inside together, so that who
    joins a holder need not have been let in wrongly. ``sites``: client process → site."""

    cluster: Cluster
    clients: Mapping[str, ClientProcess]
    sites: Mapping[str, str]
    watch: Watch
    writer: PartWriter
    random: random.Random
    key: str
    lapse: float | None
    lease: float | None
    shared: bool = False
    say: Callable[[str], None] = field(default=lambda text: None)

    def record(
        self, fault: str, name: str, state: FaultState, targets: list[str], evidence: str | None, params: dict[str, str]
    ) -> None:
        """Write one fault row, stamped now."""
        self.writer.write(
            FaultRow(
                t=time.monotonic_ns(),
                fault=fault,
                name=name,
                state=state,
                targets=targets,
                evidence=evidence,
                params=dict(params),
            )
        )

    def record_client(self, process: str, state: ClientState, t: int, why: str | None = None) -> None:
        """Write that the runner did something to a client process at ``t``, under the identity it works under now."""
        client = self.clients[process]
        row = ClientRow(t=t, client=client.client, state=state, pid=client.pid, why=why)
        self.writer.write(row)
        self.watch.feed(process, row)

    def served(self) -> list[str]:
        """The nodes that clients take the lock on: all served nodes but the ledger."""
        wiring = self.cluster.wiring([])
        ledgers = {node.name for node in wiring.nodes if node.role == "ledger"}
        return [name for name in wiring.served if name not in ledgers]

    def primary(self, within: float = 5.0) -> str:
        """The node in charge now. Raises HarnessError when the cluster has none for ``within`` seconds (one reading
        may fail on a busy machine)."""
        primary = self.watch.until(self.cluster.primary, time.monotonic() + within)
        if primary is None:
            raise HarnessError(f"the cluster had no primary for {within:g} s; its nodes say {self.cluster.roles()}")
        return primary

    def probe(self, links: list[str]) -> dict[str, bool]:
        """Which of the links (``source>target``) carry a request and its answer now, asked side by side."""
        sites = set(self.sites.values())

        def one(link: str) -> bool:
            source, target = link.split(">")
            ping = self.cluster.ping if source in sites else self.cluster.peer_ping
            return ping(source, target)

        with ThreadPoolExecutor(max_workers=min(12, max(1, len(links)))) as pool:
            return dict(zip(links, pool.map(one, links), strict=True))

    def prove(self, links: list[str], *, carry: bool, within: float = 5.0) -> str:
        """Wait until every link carries (or none does); returns the evidence. Raises HarnessError at the deadline."""
        deadline = time.monotonic() + within
        wrong = list(links)
        while wrong:
            found = self.probe(wrong)
            wrong = [link for link, works in found.items() if works != carry]
            if wrong and time.monotonic() > deadline:
                verb = "still does not answer" if carry else "still answers"
                raise HarnessError(f"link {wrong[0]} {verb} a ping {within:g} s after the change; see the proxy's log")
            if wrong:
                self.watch.sleep(0.05)
        verb = "answered" if carry else "went unanswered"
        return f"pings across {', '.join(links)} {verb}"
