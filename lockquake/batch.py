"""Several trials one after another on shared rigs, with signals that heal and sweep instead of tearing down."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from lockquake.plan import Plan
from lockquake.rig import Rig
from lockquake.rundir import link_latest
from lockquake.trial import Say, TrialResult, TrialRun


class Stop:
    """Set by SIGINT or SIGTERM; ``signal`` is the number of the first one that came."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.signal = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.event.is_set():
            raise KeyboardInterrupt
        self.signal = number
        self.event.set()
        os.write(2, b"interrupted: healing and sweeping, this takes some seconds (once more: at once)\n")


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Turn SIGINT and SIGTERM into a request to stop; a second one interrupts at once. Main thread only."""
    stop = Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Rigs:
    """Started clusters by key, each started at its first use; a rig whose trial ended badly is not used again."""

    def __init__(self, directory: Path, say: Say, clients: int) -> None:
        self.directory = directory
        self.say = say
        self.clients = clients
        self._rigs: dict[tuple[object, ...], Rig] = {}

    def rig(self, plan: Plan) -> Rig:
        """The rig for a plan. Raises HarnessError when it does not start."""
        key = Rig.key(plan)
        if key not in self._rigs:
            self._rigs[key] = Rig(plan, self.directory, self.say, max(self.clients, plan.clients))
        return self._rigs[key]

    def drop(self, plan: Plan) -> None:
        """Stop the rig of a plan, so that the next trial gets a fresh one."""
        rig = self._rigs.pop(Rig.key(plan), None)
        if rig:
            rig.stop()

    def stop(self) -> None:
        """Stop all rigs."""
        for key in list(self._rigs):
            self._rigs.pop(key).stop()

    def __enter__(self) -> Rigs:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def run_one(plan: Plan, rigs: Rigs, path: Path, root: Path, stop: threading.Event, say: Say) -> TrialResult:
    """One trial of a plan at ``path``. Raises HarnessError when its cluster does not start, Interrupted on stop."""
    rig = rigs.rig(plan)
    run = TrialRun(plan, rig, path, stop, say)
    try:
        result = run.execute()
    except BaseException:
        rigs.drop(plan)
        raise
    finally:
        if run.begun:
            link_latest(root, path)
    if result.harness:
        rigs.drop(plan)
    return result


Report = Callable[[TrialResult], None]
