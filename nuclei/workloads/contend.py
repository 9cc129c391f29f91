"""``contend``: every client takes the lock again and again, and raises a counter in the ledger while inside.

The counter is read, the new value computed in the client, then written: not atomic on purpose, so that two clients
inside at once show as lost updates. Of several locks each guards a counter of its own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from histories.vocabulary import Mode
from nuclei.clients.handle import Handle
from nuclei.clients.session import Session
from nuclei.workloads.base import Stakes, Workload, WorkloadEntry
from nuclei.workloads.durations import drawn
from nuclei.workloads.staying import Stay

PAUSE_AFTER_REFUSAL = 0.02
"""Seconds to wait at least after a refusal: a server out of reach refuses at once, and nobody should spin."""

DEFAULTS: Mapping[str, Any] = {
    "hold": 0.04,
    "hold_shape": "uniform",
    "think": 0.02,
    "think_shape": "uniform",
    "limit": 2.0,
    "try_share": 0.1,
    "writes": 1,
    "renew": 0.0,
    "heed_renewal": True,
    "heed_deadline": False,
    "rounds": 0,
    "locks": 1,
    "reenter": 0.0,
    "read_share": 0.5,
}


def counters(params: Mapping[str, Any]) -> list[str]:
    """The name of each lock's counter; of a single one it is the ledger's value, which has no name."""
    locks = max(1, int(params["locks"]))
    return [f"lock-{number}" for number in range(1, locks + 1)] if locks > 1 else [""]


class Contend(Workload):
    """``hold`` and ``think``: mean seconds inside and outside, ``hold_shape`` and ``think_shape``: how they are spread
    around it (see :mod:`nuclei.workloads.durations`), ``limit``: longest wait for the lock in seconds, ``try_share``:
    share of attempts that do not wait at all, ``writes``: ledger writes per hold (none without a ledger), ``renew``:
    seconds after which a holder renews its lease, again and again (0: never; only locks that offer it),
    ``heed_renewal``: leave when a renewal is refused or its result unknown (many programs do not look),
    ``heed_deadline``: check the own lease's deadline before each write (most programs do not), ``rounds``: how many
    attempts to make, 0 = until told to finish, ``locks``: how many locks there are, of which each attempt takes one,
    ``reenter``: share of holds that take the lock a second time while inside, waiting for it at most ``limit`` (only
    re-entrant locks let them), ``read_share``: share of attempts on a read-write lock that ask to read only, and then
    do not write."""

    def run(self, session: Session) -> None:
        """Attempts until the end is asked for; leaves nothing held."""
        locks = self._locks(session)
        done = 0
        while not session.finishing() and (not self.params["rounds"] or done < self.params["rounds"]):
            handle, counter = session.random.choice(locks) if len(locks) > 1 else locks[0]
            self._attempt(handle, counter)
            done += 1
            session.sleep(self._drawn("think", session))
        session.settle()

    def _locks(self, session: Session) -> list[tuple[Handle, str]]:
        """Each lock with the name of its counter; the first is the trial's own."""
        own = session.configure.key
        names = counters(self.params)
        return [(session.on(own if at == 1 else f"{own}:{at}"), name) for at, name in enumerate(names, 1)]

    def _attempt(self, handle: Handle, counter: str) -> None:
        session = handle.session
        waits = session.random.random() >= self.params["try_share"]
        mode = self._mode(session)
        grant = handle.acquire(float(self.params["limit"]), mode) if waits else handle.try_acquire(mode)
        if grant is None:
            session.settle()
            session.sleep(PAUSE_AFTER_REFUSAL)
            return
        if not self._stays_through_re_entry(handle):
            return
        self._use(handle, counter, mode)
        if handle.lost:
            handle.leave("told")
        handle.release()
        session.settle()

    def _use(self, handle: Handle, counter: str, mode: Mode) -> None:
        """What is done inside, as far as it comes."""
        session = handle.session
        stay = Stay(handle, float(self.params["renew"]), heed=bool(self.params["heed_renewal"]))
        writes = int(self.params["writes"]) if session.has_ledger else 0
        hold = self._drawn("hold", session)
        if not writes:
            stay.through(hold)
        for _ in range(writes):
            if handle.lost or not self._raise_counter(handle, counter, stay, hold / writes, mode):
                return

    def _stays_through_re_entry(self, handle: Handle) -> bool:
        """Perhaps take the lock once more and give that back; False when the whole hold is over by then."""
        session, share = handle.session, float(self.params["reenter"])
        if not share or session.random.random() >= share:
            return True
        identity = session.client
        if handle.acquire(float(self.params["limit"])) is not None:
            handle.release()
        session.settle()
        if handle.inside or session.client != identity:
            return handle.inside
        handle.release()  # told of its loss meanwhile: the outer hold is given back all the same
        session.settle()
        return False

    def _drawn(self, what: str, session: Session) -> float:
        return drawn(float(self.params[what]), str(self.params[f"{what}_shape"]), session.random)

    def _mode(self, session: Session) -> Mode:
        """What to ask for: only a read-write lock is drawn for, so that nobody else's draws are shifted."""
        reads = session.read_write and session.random.random() < float(self.params["read_share"])
        return "shared" if reads else "exclusive"

    def _raise_counter(self, handle: Handle, counter: str, stay: Stay, hold: float, mode: Mode) -> bool:
        """Read, hold, write, unless it was let in to read only; whether the client is still inside, as far as it cares
        to know."""
        value = handle.read_counter(counter) if counter else handle.ledger_read()
        if not stay.through(hold):
            return False
        if handle.lost:
            handle.leave("told")
            return False
        deadline = handle.grant.lease_until
        if self.params["heed_deadline"] and deadline is not None and time.monotonic_ns() >= deadline:
            handle.leave("deadline")
            return False
        if value is not None and mode == "exclusive":
            if counter:
                handle.write_counter(counter, value + 1)
            else:
                handle.ledger_write(value + 1)
        return True


def stakes(params: Mapping[str, Any]) -> Stakes:
    """The counters of several locks."""
    return Stakes(counters={name: 0 for name in counters(params) if name})


WORKLOAD = WorkloadEntry(
    name="contend",
    summary="acquire, raise a counter in the ledger while inside, release; hold and think times",
    make=Contend,
    defaults=DEFAULTS,
    stakes=stakes,
)
