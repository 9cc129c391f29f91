"""``red-packet``: application servers pay random amounts from one budget, by read, compute and write under the lock.

The amounts of all requests together are about twice the budget, so about every other request finds nothing left; a
lock that lets two in has both pay from the same rest, and more is paid than there was. Payment and new rest are
written in one step, as by a database transaction: the books are wrong only where somebody paid from a rest that was
not the newest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from histories.spec import Wording
from nuclei.clients.session import Session
from nuclei.ledger.record import Record
from nuclei.workloads.base import Stakes, WorkloadEntry
from nuclei.workloads.requests import THINK, TIMES, Requests

BUDGET = "budget"


class RedPacket(Requests):
    """``budget``: what there is, in cents; ``requests``: per client; ``compute``: mean seconds between reading the rest
    and paying; ``think``: mean seconds between two requests; ``limit``: longest wait for the lock of one attempt."""

    def serve(self, session: Session, request: str) -> bool:
        """Pay a random amount, or what is left. The mean is twice the budget over the number of requests."""
        rest = session.read_counter(BUDGET)
        if rest is None:
            return True
        amount = min(rest, self._drawn(session))
        self.compute(session)
        if rest > 0 and not session.lost:
            session.write_counter(BUDGET, rest - amount, Record(resource=BUDGET, amount=amount, request=request))
        return bool(rest > 0)

    def _drawn(self, session: Session) -> int:
        mean = 2 * int(self.params["budget"]) / (int(self.params["requests"]) * session.clients)
        return session.random.randint(1, max(1, round(2 * mean) - 1))


def stakes(params: Mapping[str, Any]) -> Stakes:
    """The budget."""
    budget = int(params["budget"])
    wording = {BUDGET: Wording(taken="paid", over="overspent")}
    return Stakes(counters={BUDGET: budget}, budgets={BUDGET: budget}, wording=wording)


WORKLOAD = WorkloadEntry(
    name="red-packet",
    summary="every client pays random amounts from one budget until it is gone: read, compute, write",
    make=RedPacket,
    defaults={"budget": 1_000_000, "requests": 100, **TIMES, **THINK},
    invariant="what is paid is at most the budget, and what is left is the budget without what was paid",
    harm="money (cents) paid beyond the budget, or missing in the books",
    stakes=stakes,
    ends=True,
)
