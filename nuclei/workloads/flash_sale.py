"""``flash-sale``: few items, many buyers. Each reads the stock, places an order while there is some, then writes the
stock: three steps, as in a shop whose orders and stock are in different tables without a transaction around them.

Two buyers inside at once both sell the last item. The counter never shows it: everybody writes one less than what it
read, so what goes below zero is the true stock, which is what there was without the orders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from histories.spec import Wording
from nuclei.clients.session import Session
from nuclei.ledger.record import Record
from nuclei.workloads.base import Stakes, WorkloadEntry
from nuclei.workloads.requests import THINK, TIMES, Requests

STOCK = "stock"


class FlashSale(Requests):
    """``stock``: how many items there are; ``requests``: how many each client asks for, one at a time; ``compute``:
    mean seconds between reading the stock and ordering; ``think``: mean seconds between two requests; ``limit``:
    longest wait for the lock of one attempt."""

    def serve(self, session: Session, request: str) -> bool:
        """Sell one item while there are any."""
        stock = session.read_counter(STOCK)
        if stock is None:
            return True
        if stock <= 0:
            return False
        self.compute(session)
        if session.append_record(Record(resource=STOCK, request=request)):
            session.write_counter(STOCK, stock - 1)
        return True


def stakes(params: Mapping[str, Any]) -> Stakes:
    """The items."""
    stock = int(params["stock"])
    return Stakes(
        counters={STOCK: stock}, budgets={STOCK: stock}, wording={STOCK: Wording(taken="sold", over="oversold")}
    )


WORKLOAD = WorkloadEntry(
    name="flash-sale",
    summary="few items, many buyers: read the stock, place an order, write the stock",
    make=FlashSale,
    defaults={"stock": 100, "requests": 50, **TIMES, **THINK},
    invariant="no more is ordered than there was in stock",
    harm="items sold that were not there",
    stakes=stakes,
    ends=True,
)
