"""``segmented-inventory``: one stock in several counters with a lock each, so that several buyers are served at a time.

An order takes an item from any segment that has one; some orders take one from each of two segments, under both locks.
Everybody who needs two takes them in the same order, unless told to show why: in opposite orders two buyers wait for
each other until the waiting limit ends it. A segment whose lock cannot be had in time is passed over, so a lock that
leaked leaves items that nobody can buy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from histories.spec import Wording
from nuclei.clients.handle import Handle
from nuclei.clients.session import Session
from nuclei.ledger.record import Record
from nuclei.workloads.base import LEFT, Stakes, Workload, WorkloadEntry
from nuclei.workloads.requests import ARRIVAL, THINK

FIXED, OPPOSITE = "fixed", "opposite"


def segments(params: Mapping[str, Any]) -> list[str]:
    """The names of the segments."""
    return [f"segment-{number}" for number in range(1, int(params["segments"]) + 1)]


class SegmentedInventory(Workload):
    """``stock``: items in all; ``segments``: in how many counters; ``requests``: orders per client; ``spans``: share of
    orders for two segments; ``order``: in which they are locked, ``fixed`` or ``opposite`` (half of them the other way
    round); ``compute``: mean seconds between reading the stock and ordering; ``think``: mean seconds between two
    orders; ``limit``: longest wait for a lock, which must be shorter than a lease, because the other lock is held
    meanwhile."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self._empty: set[str] = set()

    def run(self, session: Session) -> None:
        """Place all orders, or until every segment was seen empty."""
        handles = {name: session.on(f"{session.configure.key}:{name}") for name in segments(self.params)}
        session.figures[LEFT] = int(self.params["requests"])
        session.sleep(session.random.uniform(0.0, ARRIVAL * session.clients))
        while session.figures[LEFT] and not session.finishing():
            session.sleep(float(self.params["think"]) * session.random.uniform(0.5, 1.5))
            request = f"r{session.number}-{session.figures[LEFT]}"
            self._order(session, handles, request)
            session.settle()
            session.figures[LEFT] = session.figures[LEFT] - 1 if len(self._empty) < len(handles) else 0

    def _order(self, session: Session, handles: Mapping[str, Handle], request: str) -> None:
        open_ = [name for name in handles if name not in self._empty]
        session.random.shuffle(open_)
        if len(open_) > 1 and session.random.random() < float(self.params["spans"]):
            self._buy(session, handles, self._in_order(session, open_[:2]), request)
            return
        for name in open_:
            if session.finishing() or self._buy(session, handles, [name], request):
                return

    def _in_order(self, session: Session, two: Sequence[str]) -> list[str]:
        turned = self.params["order"] == OPPOSITE and session.random.random() < 0.5
        return sorted(two, reverse=turned)

    def _buy(self, session: Session, handles: Mapping[str, Handle], names: Sequence[str], request: str) -> bool:
        """Lock the segments one after the other, buy an item of each if all have one, give the locks back; whether they
        were bought."""
        held: list[Handle] = []
        for name in names:
            if handles[name].acquire(float(self.params["limit"])) is None:
                break
            held.append(handles[name])
        bought = len(held) == len(names) and self._sell(session, dict(zip(names, held, strict=True)), request)
        for handle in reversed(held):
            if handle.lost:
                handle.leave("told")
            handle.release()
        return bought

    def _sell(self, session: Session, held: Mapping[str, Handle], request: str) -> bool:
        stock = {name: handle.read_counter(name) for name, handle in held.items()}
        self._empty |= {name for name, items in stock.items() if items is not None and items <= 0}
        if not all(items and items > 0 for items in stock.values()):
            return False
        session.sleep(float(self.params["compute"]) * session.random.uniform(0.5, 1.5))
        for name, handle in held.items():
            if handle.append_record(Record(resource=name, request=request)):
                handle.write_counter(name, stock[name] - 1)
        return True


def stakes(params: Mapping[str, Any]) -> Stakes:
    """The items of each segment: as many in each, the first ones with one more where that does not come out even."""
    names = segments(params)
    each, more = divmod(int(params["stock"]), len(names))
    stock = {name: each + (number < more) for number, name in enumerate(names)}
    wording = dict.fromkeys(names, Wording(taken="sold", over="oversold", left="stranded"))
    return Stakes(counters=stock, budgets=dict(stock), wording=wording)


WORKLOAD = WorkloadEntry(
    name="segmented-inventory",
    summary="one stock in several counters with a lock each; some orders need two of them",
    make=SegmentedInventory,
    defaults={
        "stock": 100, "segments": 4, "requests": 100, "spans": 0.2, "order": FIXED, "compute": 0.001, "limit": 1.0,
        **THINK,
    },
    invariant="no segment sells more than it had, and none keeps what somebody asked for",
    harm="items sold that were not there, items stranded, waits that ended in a deadlock",
    stakes=stakes,
    ends=True,
)  # fmt: skip
