"""``contend``: every client takes the lock again and again, and raises a counter in the ledger while inside.

The counter is read, the new value computed in the client, then written: not atomic on purpose, so that two clients
inside at once show as lost updates.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from random import Random
from typing import Any

from histories.vocabulary import Mode
from nuclei.clients.session import Session
from nuclei.workloads.base import Workload, WorkloadEntry

PAUSE_AFTER_REFUSAL = 0.02
"""Seconds to wait at least after a refusal: a server out of reach refuses at once, and nobody should spin."""

DEFAULTS: Mapping[str, Any] = {
    "hold": 0.04,
    "think": 0.02,
    "limit": 2.0,
    "try_share": 0.1,
    "writes": 1,
    "heed_deadline": False,
    "rounds": 0,
    "reenter": 0.0,
    "read_share": 0.5,
}


def around(mean: float, random: Random) -> float:
    """Seconds drawn uniformly from 50 % to 150 % of ``mean``."""
    return mean * random.uniform(0.5, 1.5)


class Contend(Workload):
    """``hold`` and ``think``: mean seconds inside and outside, ``limit``: longest wait for the lock in seconds,
    ``try_share``: share of attempts that do not wait, ``writes``: ledger writes per hold (none without a ledger),
    ``heed_deadline``: check the own lease's deadline before each write (most programs do not), ``rounds``: how many
    attempts to make, 0 = until told to finish, ``reenter``: share of holds that take the lock a second time while
    inside, waiting for it at most ``limit`` (only re-entrant locks let them), ``read_share``: share
    of attempts on a read-write lock that ask to read only, and then do not write."""

    def run(self, session: Session) -> None:
        """Attempts until the end is asked for; leaves nothing held."""
        done = 0
        while not session.finishing() and (not self.params["rounds"] or done < self.params["rounds"]):
            self._attempt(session)
            done += 1
            session.sleep(around(float(self.params["think"]), session.random))
        session.settle()

    def _attempt(self, session: Session) -> None:
        waits = session.random.random() >= self.params["try_share"]
        mode = self._mode(session)
        grant = session.acquire(float(self.params["limit"]), mode) if waits else session.try_acquire(mode)
        if grant is None:
            session.settle()
            session.sleep(PAUSE_AFTER_REFUSAL)
            return
        if not self._stays_through_re_entry(session):
            return
        writes = int(self.params["writes"]) if session.has_ledger else 0
        hold = around(float(self.params["hold"]), session.random)
        for _ in range(writes):
            if session.lost or not self._raise_counter(session, hold / writes, mode):
                break
        if not writes:
            session.sleep(hold)
        if session.lost:
            session.leave("told")
        session.release()
        session.settle()

    def _stays_through_re_entry(self, session: Session) -> bool:
        """Perhaps take the lock once more and give that back; False when the whole hold is over by then."""
        share = float(self.params["reenter"])
        if not share or session.random.random() >= share:
            return True
        identity = session.client
        if session.acquire(float(self.params["limit"])) is not None:
            session.release()
        session.settle()
        if session.inside or session.client != identity:
            return session.inside
        session.release()  # told of its loss meanwhile: the outer hold is given back all the same
        session.settle()
        return False

    def _mode(self, session: Session) -> Mode:
        """What to ask for: only a read-write lock is drawn for, so that nobody else's draws are shifted."""
        reads = session.read_write and session.random.random() < float(self.params["read_share"])
        return "shared" if reads else "exclusive"

    def _raise_counter(self, session: Session, hold: float, mode: Mode) -> bool:
        """Read, hold, write, unless it was let in to read only; whether the client is still inside, as far as it cares
        to know."""
        value = session.ledger_read()
        session.sleep(hold)
        if session.lost:
            session.leave("told")
            return False
        deadline = session.grant.lease_until
        if self.params["heed_deadline"] and deadline is not None and time.monotonic_ns() >= deadline:
            session.leave("deadline")
            return False
        if value is not None and mode == "exclusive":
            session.ledger_write(value + 1)
        return True


WORKLOAD = WorkloadEntry(
    name="contend",
    summary="acquire, raise a counter in the ledger while inside, release; hold and think times",
    make=Contend,
    defaults=DEFAULTS,
)
