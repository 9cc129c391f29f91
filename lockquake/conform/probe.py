"""A lock around the lock under test, in the client's process, for what only can be seen there: how often it tells of a
loss, and whether its instance may be shared as it declares.

Its ``acquire`` is a whole experiment: it returns when the lock did well, and raises Refused with what was seen when it
did not. Settings: ``probe_lock``, the lock under test; ``probe_look``, the experiment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
import traceback
from dataclasses import replace

from nuclei.locks.base import Attempt, Grant, Lock, LockContext, LockError, Refused
from nuclei.locks.loading import load

ROUNDS = 8
HOLD, LIMIT = 0.02, 5.0
"""Seconds inside, and that a call may wait."""
CHILD_SECONDS = 15
_CHILD_SAYS = {
    0: "",
    1: "the child was given the lock that its parent holds",
    2: "the child's call was indeterminate with nothing cut",
    3: "the child's call raised something else",
}


class Probe(Lock):
    """``told``: acquire for real; ``renew`` then says, by a refusal, how often a loss was told. ``threads``, ``fork``,
    ``asyncio``: the experiment of that name."""

    def __init__(self, context: LockContext) -> None:
        super().__init__(context)
        settings = context.surroundings.settings
        self._look = str(settings["probe_look"])
        self._told = 0
        self.inner = load(str(settings["probe_lock"])).make(replace(context, on_lost=self._lost))

    def _lost(self, how: str) -> None:
        self._told += 1
        self.context.on_lost(how)

    def connect(self) -> None:
        """Of the lock under test."""
        self.inner.connect()

    def acquire(self, attempt: Attempt, limit: float) -> Grant:
        """The experiment. Raises Refused with what went wrong."""
        if self._look == "told":
            return self.inner.acquire(attempt, limit)
        wrong = {"threads": self._threads, "fork": self._fork, "asyncio": self._asyncio}[self._look](attempt)
        if wrong:
            raise Refused(wrong)
        return Grant()

    def renew(self) -> Grant:
        """Says how often a loss was told."""
        raise Refused(str(self._told))

    def release(self) -> None:
        """Of the lock under test."""
        self.inner.release()

    def close(self) -> None:
        """Of the lock under test."""
        self.inner.close()

    # ---- experiments: what went wrong, or nothing

    def _threads(self, attempt: Attempt) -> str:
        """Two threads take the same instance in turns."""
        together = threading.Barrier(2)
        inside: list[str] = []
        wrong: list[str] = []

        def work(name: str) -> None:
            try:
                together.wait(LIMIT)
                for number in range(ROUNDS):
                    self.inner.acquire(_fresh(attempt, f"{name}{number}"), LIMIT)
                    inside.append(name)
                    time.sleep(HOLD)
                    if len(inside) > 1:
                        wrong.append("two threads of one process were inside at once")
                    inside.remove(name)
                    self.inner.release()
            except Exception as error:
                traceback.print_exc()
                wrong.append(f"a thread's call raised {type(error).__name__}: {error}")

        threads = [threading.Thread(target=work, args=(name,), daemon=True) for name in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * ROUNDS * LIMIT)
        if any(thread.is_alive() for thread in threads):
            wrong.append("a thread's call did not come back")
        return wrong[0] if wrong else ""

    def _fork(self, attempt: Attempt) -> str:
        """A child inherits the instance while its parent is inside; what it does must not be the parent's loss."""
        self.inner.acquire(_fresh(attempt, "parent"), LIMIT)
        child = os.fork()
        if not child:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(CHILD_SECONDS)
            os._exit(self._in_child(attempt))
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return f"the child did not come back within {CHILD_SECONDS} s"
        if said := _CHILD_SAYS[os.WEXITSTATUS(status)]:
            return said
        try:
            self.inner.release()
        except Exception as error:
            return f"after a child had used and closed it, the parent's release raised {type(error).__name__}: {error}"
        return ""

    def _in_child(self, attempt: Attempt) -> int:
        try:
            self.inner.try_acquire(_fresh(attempt, "child"))
        except Refused:
            self.inner.close()
            return 0
        except LockError:
            return 2
        except BaseException:
            traceback.print_exc()
            return 3
        return 1

    def _asyncio(self, attempt: Attempt) -> str:
        """Calls are made while an event loop runs in the same thread."""

        async def work() -> None:
            self.inner.acquire(_fresh(attempt, "loop"), LIMIT)
            await asyncio.sleep(0)
            self.inner.release()

        try:
            asyncio.run(work())
        except Exception as error:
            return f"inside a running event loop a call raised {type(error).__name__}: {error}"
        return ""


def _fresh(attempt: Attempt, name: str) -> Attempt:
    return Attempt(f"{attempt.id}.{name}", f"{attempt.owner}{name}")
