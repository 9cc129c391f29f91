"""``single-runner``: a scheduled job that is to run on one node at a time, elected by the lock.

Ticks are due at fixed times. Whoever is let in leads for a term: it reads from the ledger which tick is next, notes
that it has taken it, and runs it. Noting comes first, so a leader that dies in between leaves its tick unrun, and a
lock that lets two lead has both take the same tick. A tick that could not be begun in time is given up, as by a
scheduler with a starting deadline.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from histories.rows import Job
from histories.vocabulary import JobState
from nuclei.clients.session import Session
from nuclei.workloads.base import LEFT, Stakes, Workload, WorkloadEntry
from nuclei.workloads.requests import PAUSE_AFTER_REFUSAL

JOB = "job"
NEXT = "next tick"
SECOND_NS = 1_000_000_000


class SingleRunner(Workload):
    """``ticks``: how many there are, one every ``period`` seconds; ``run``: mean seconds one run takes; ``term``: how
    long a leader leads before it gives the lock back, and ``rest``: for how long it then does not stand again;
    ``patience``: how late a tick may begin before it is given up; ``limit``: longest wait for the lock of one attempt.
    All in seconds."""

    def run(self, session: Session) -> None:
        """Stand for election again and again, until no tick is left."""
        session.figures[LEFT] = int(self.params["ticks"])
        while session.figures[LEFT] and not session.finishing():
            if session.acquire(float(self.params["limit"])) is None:
                session.settle()
                session.sleep(PAUSE_AFTER_REFUSAL)
                continue
            self._lead(session)
            if session.lost:
                session.leave("told")
            session.release()
            session.settle()
            session.sleep(float(self.params["rest"]))

    def _lead(self, session: Session) -> None:
        """Run what is due, for a term."""
        over = time.monotonic_ns() + self._ns("term")
        while not session.lost and not session.finishing():
            tick = session.read_counter(NEXT)
            if tick is None:
                return
            tick = self._not_too_late(session, tick)
            session.figures[LEFT] = max(0, int(self.params["ticks"]) - tick)
            due = self._due(session, tick)
            if not session.figures[LEFT] or max(due, time.monotonic_ns()) >= over:
                return
            session.sleep((due - time.monotonic_ns()) / SECOND_NS)
            if session.lost or session.finishing() or not session.write_counter(NEXT, tick + 1):
                return
            self._run_once(session, tick)

    def _not_too_late(self, session: Session, tick: int) -> int:
        """The first tick from ``tick`` on that need not be given up."""
        late = time.monotonic_ns() - self._ns("patience") - self._due(session, tick)
        return tick + max(0, -(-late // self._ns("period")))

    def _run_once(self, session: Session, tick: int) -> None:
        self._note(session, tick, "began")
        session.sleep(float(self.params["run"]) * session.random.uniform(0.5, 1.5))
        self._note(session, tick, "ended")

    def _note(self, session: Session, tick: int, state: JobState) -> None:
        run = f"{tick}@{session.attempt}"
        session.write(
            Job(t=time.monotonic_ns(), job=JOB, run=run, state=state, tick=tick, client=session.client,
                lock=session.configure.key, attempt=session.attempt)
        )  # fmt: skip

    def _due(self, session: Session, tick: int) -> int:
        return session.began + tick * self._ns("period")

    def _ns(self, name: str) -> int:
        return int(float(self.params[name]) * SECOND_NS)


def stakes(params: Mapping[str, Any]) -> Stakes:
    """Every tick."""
    return Stakes(counters={NEXT: 0}, ticks={JOB: int(params["ticks"])})


WORKLOAD = WorkloadEntry(
    name="single-runner",
    summary="a scheduled job that is to run on one client at a time, elected by the lock",
    make=SingleRunner,
    defaults={"ticks": 40, "period": 0.05, "run": 0.02, "term": 0.3, "rest": 0.1, "patience": 1.0, "limit": 10.0},
    invariant="one client runs the job at a time, and every tick of its schedule is run once",
    harm="runs beside another run, ticks run twice, ticks missed",
    stakes=stakes,
    ends=True,
)
