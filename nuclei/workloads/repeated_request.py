"""``repeated-request``: the same request reaches several servers, late and again (a user who clicks twice, a gateway
that retries). Whoever works on it looks under the lock whether its record exists, and else makes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from nuclei.clients.session import Session
from nuclei.ledger.record import Record
from nuclei.workloads.base import WorkloadEntry
from nuclei.workloads.requests import TIMES, Requests

RECORDS = "records"


class RepeatedRequest(Requests):
    """``requests``: how many there are in all; ``copies``: to how many clients each is sent; ``retries``: share of
    deliveries that come once more to the same client; ``delay``: mean seconds by which a delivery is late;
    ``compute``: mean seconds between looking for the record and making it; ``limit``: longest wait for the lock."""

    def requests(self, session: Session) -> Sequence[str]:
        """The deliveries to this client, in the order of requests: its copies come to neighbours at about one time."""
        copies = min(int(self.params["copies"]), session.clients)
        mine = [
            number
            for number in range(int(self.params["requests"]))
            if (session.number - 1 - number * copies) % session.clients < copies
        ]
        retried = [
            again for number in mine for again in [number] * (1 + (session.random.random() < self.params["retries"]))
        ]
        return [f"r{number + 1}" for number in retried]

    def serve(self, session: Session, request: str) -> bool:
        """Make the record of a request unless there is one."""
        record = Record(resource=RECORDS, request=request)
        known = session.count_records(record)
        self.compute(session)
        if known == 0 and not session.lost:
            session.append_record(record)
        return True

    def before(self, session: Session) -> None:
        """Deliveries are late by 0 to twice ``delay``."""
        session.sleep(float(self.params["delay"]) * session.random.uniform(0.0, 2.0))


WORKLOAD = WorkloadEntry(
    name="repeated-request",
    summary="the same requests reach several clients, late and again: make each one's record once",
    make=RepeatedRequest,
    defaults={"requests": 100, "copies": 3, "retries": 0.2, "delay": 0.002, **TIMES, "compute": 0.005},
    invariant="a request has one record",
    harm="records too many",
    ends=True,
)
