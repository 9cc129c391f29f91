"""The client process: ``python -m nuclei.clients.worker``. It speaks the client protocol on stdin and stdout.

One thread hears the runner, one works; a lock's library may have threads of its own. The process never outlives its
runner: the kernel kills it when the spawning thread ends (PR_SET_PDEATHSIG, which also ends a stopped process), and
the end of stdin ends it as well.

Imports here are few on purpose: five of these start at once on two cores, and only the configured lock's own module
(and its library) is loaded.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from pathlib import Path

from histories.write import PartWriter
from nuclei.clients.control import Control
from nuclei.clients.protocol import (
    PROTOCOL_VERSION,
    Configure,
    Do,
    Done,
    Finish,
    Quit,
    Ready,
    Result,
    Run,
    StepOut,
    Trouble,
)
from nuclei.clients.recorder import Recorder
from nuclei.clients.session import Session
from nuclei.clients.wires import RUNNER_GONE, Wires
from nuclei.locks.loading import load

PR_SET_PDEATHSIG = 1
SIGKILL = 9


class Worker:
    """Obeys the requests of one runner, one after the other."""

    def __init__(self, wires: Wires) -> None:
        self._say = wires.say
        self._later = wires.later
        self.control = Control(wires.say, wires.flush)
        self._recorder: Recorder | None = None
        self._session: Session | None = None

    def obey(self) -> None:
        """Work until ``quit``. An exception that is no ending of a lock becomes ``error``, and work goes on."""
        while True:
            request = self.control.work.get()
            if isinstance(request, Quit):
                return
            try:
                self._do(request)
            except Exception as error:
                traceback.print_exc()
                self._say(Trouble(t=time.monotonic_ns(), error=f"{type(error).__name__}: {error}"))

    def close(self) -> None:
        """Drop the lock's connections and close the part file."""
        if self._session is not None:
            self._session.close()
        if self._recorder is not None:
            self._recorder.close()

    def _do(self, request: Configure | Run | Do | StepOut | Finish) -> None:
        match request:
            case Configure():
                self._configure(request)
            case Run():
                self._run(self._configured(), request)
            case Do():
                self._single(self._configured(), request)
            case StepOut():
                session = self._configured()
                session.leave(request.why)
                self._say(Result(t=time.monotonic_ns(), outcome="ok", client=session.client))
            case Finish():
                self._done()

    def _configured(self) -> Session:
        if self._session is None:
            raise RuntimeError("the first message must be `configure`")
        return self._session

    def _configure(self, request: Configure) -> None:
        if request.version != PROTOCOL_VERSION:
            raise RuntimeError(f"the runner speaks protocol {request.version}, this client {PROTOCOL_VERSION}")
        if self._session is not None:
            raise RuntimeError(f"already configured as {self._session.client}; start another client process")
        entry = load(request.lock)
        ledger = None
        if request.ledger is not None:
            from nuclei.ledger.client import LedgerClient

            ledger = LedgerClient(request.ledger.endpoint, request.ledger.timeout)
        self._recorder = Recorder(PartWriter(Path(request.part)), self._say, live=request.live, later=self._later)
        session = Session(request, entry, self._recorder, self.control, ledger)
        session.open()
        self._session = session
        self._say(Ready(t=time.monotonic_ns(), pid=os.getpid()))

    def _run(self, session: Session, request: Run) -> None:
        from nuclei.workloads.loading import load as load_workload

        entry = load_workload(request.workload)
        session.began = request.since or time.monotonic_ns()
        entry.make({**entry.defaults, **request.params}).run(session)
        if not session.finishing():
            self._done()

    def _single(self, session: Session, request: Do) -> None:
        match request.op:
            case "acquire":
                session.acquire(request.limit if request.limit is not None else 1.0, request.mode)
            case "try":
                session.try_acquire(request.mode)
            case "renew":
                session.renew()
            case "release":
                session.release()
            case "read":
                session.ledger_read()
            case "write":
                session.ledger_write(request.value)
        row = session.last
        assert row is not None
        self._say(
            Result(
                t=row.t, outcome=row.outcome, client=row.client, attempt=row.attempt, fence=row.fence,
                lease_until=row.lease_until, value=row.value, error=row.error,
            )
        )  # fmt: skip

    def _done(self) -> None:
        session = self._session
        figures = {**session.figures, "told": session.losses} if session is not None else {}
        self._say(Done(t=time.monotonic_ns(), figures={name: float(count) for name, count in figures.items()}))


def die_with(runner: int) -> None:
    """Let the kernel kill this process when the thread that spawned it ends; exit now when it has ended already.

    Python has no prctl of its own. The spawning thread must live as long as the runner (see ``platforms/spawner.py``).
    """
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != runner:
        os._exit(RUNNER_GONE)


def main(arguments: list[str]) -> None:
    """Serve one runner; ``--runner PID`` names the parent this process must not outlive."""
    if len(arguments) == 2 and arguments[0] == "--runner":
        die_with(int(arguments[1]))
    wires = Wires()
    worker = Worker(wires)
    threading.Thread(target=wires.listen, args=(worker.control.hear,), name="runner-wire", daemon=True).start()
    worker.obey()
    worker.close()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a lock's library may have left threads that would keep the process alive.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
