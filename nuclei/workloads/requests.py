"""What workloads share that serve requests: one after the other, each inside a hold of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from nuclei.clients.session import Session
from nuclei.workloads.base import LEFT, Workload

PAUSE_AFTER_REFUSAL = 0.02
"""Seconds to wait at least after a refusal: a server out of reach refuses at once, and nobody should spin."""

ARRIVAL = 0.005
"""Seconds between the first requests of two clients on average: a hundred that ask in the same millisecond would show
how fast the machine is, not the lock."""

TIMES: Mapping[str, Any] = {"compute": 0.001, "limit": 10.0}
"""Parameters of every such workload, in seconds: mean time between reading and writing, and how long one attempt waits
for the lock at most (a request whose attempt was refused tries again)."""
THINK: Mapping[str, Any] = {"think": 0.005}
"""Parameter of most of them: mean seconds between two requests of one client. Without, a client that has just given the
lock back is the first to ask again, and where waiting is trying it alone is served."""


class Requests(Workload):
    """One application server. A request is over once its hold is, whatever came of it; the work is done when all are
    over, or when :meth:`serve` says that nothing is left to be had."""

    def run(self, session: Session) -> None:
        """Serve all requests."""
        requests = self.requests(session)
        session.figures[LEFT] = len(requests)
        session.sleep(session.random.uniform(0.0, ARRIVAL * session.clients))
        for request in requests:
            self.before(session)
            if not self._let_in(session):
                break
            more = self.serve(session, request)
            if session.lost:
                session.leave("told")
            session.release()
            session.settle()
            session.figures[LEFT] -= 1
            if not more:
                session.figures[LEFT] = 0
                break
        session.settle()

    def requests(self, session: Session) -> Sequence[str]:
        """The ids of this client's requests, each unique in the trial."""
        return [f"r{session.number}-{number}" for number in range(1, int(self.params["requests"]) + 1)]

    def before(self, session: Session) -> None:
        """What passes before a request comes: 50 % to 150 % of ``think`` seconds."""
        session.sleep(float(self.params["think"]) * session.random.uniform(0.5, 1.5))

    @abstractmethod
    def serve(self, session: Session, request: str) -> bool:
        """Serve a request while holding the lock; False when nothing is left to be had, so the rest need not ask."""

    def compute(self, session: Session) -> None:
        """What a program does between reading and writing: 50 % to 150 % of ``compute`` seconds."""
        session.sleep(float(self.params["compute"]) * session.random.uniform(0.5, 1.5))

    def _let_in(self, session: Session) -> bool:
        """Wait for the lock; False when the end is asked for."""
        while not session.finishing():
            if session.acquire(float(self.params["limit"])) is not None:
                return True
            session.settle()
            session.sleep(PAUSE_AFTER_REFUSAL)
        return False
