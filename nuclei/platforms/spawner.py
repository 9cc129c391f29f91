"""Start child processes so that none outlives its runner.

The kernel kills a child that asked for it (PR_SET_PDEATHSIG, also a stopped one) when the *thread* that spawned it
ends, so every child is spawned by one thread of its own that lives as long as this process. Children are in a process
group of their own: a Ctrl-C at the terminal reaches the runner only, which then heals and ends them in order.
"""

from __future__ import annotations

import os
import site
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import nuclei
from nuclei.platforms.ownership import owner_variable

_SPAWN_SECONDS = 30


def environment() -> dict[str, str]:
    """This process's own environment, marked with its owner, and with the way to our packages where they are not
    installed (a checkout)."""
    values = {**os.environ, **owner_variable()}
    home = str(Path(nuclei.__file__).resolve().parent.parent)
    installed = {*site.getsitepackages(), site.getusersitepackages()}
    if home not in installed:
        rest = [path for path in values.get("PYTHONPATH", "").split(os.pathsep) if path]
        values["PYTHONPATH"] = os.pathsep.join([home, *(path for path in rest if path != home)])
    return values


def python_module(module: str, *arguments: str) -> list[str]:
    """The command of one of our own modules. ``-P`` keeps the current directory, which may hold anything, off its
    path."""
    return [sys.executable, "-P", "-m", module, *arguments]


class _Spawner:
    """The one thread that spawns; it never ends before the process does."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._jobs: SimpleQueue[tuple[Future[subprocess.Popen[bytes]], Sequence[str], dict[str, Any]]] = SimpleQueue()
        threading.Thread(target=self._work, name="lockquake-spawner", daemon=True).start()

    def spawn(self, command: Sequence[str], options: dict[str, Any]) -> subprocess.Popen[bytes]:
        job: Future[subprocess.Popen[bytes]] = Future()
        self._jobs.put((job, command, options))
        return job.result(timeout=_SPAWN_SECONDS)

    def _work(self) -> None:
        while True:
            job, command, options = self._jobs.get()
            try:
                process = subprocess.Popen(command, process_group=0, **options)
            except Exception as error:
                job.set_exception(error)
            else:
                job.set_result(process)
                del process
            del job


_spawner: _Spawner | None = None
_guard = threading.Lock()


def spawn(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process from the long-lived thread; ``options`` as for Popen. Raises OSError.

    Any thread may call this; a forked child of this process gets a spawning thread of its own.
    """
    global _spawner
    with _guard:
        if _spawner is None or _spawner.pid != os.getpid():
            _spawner = _Spawner()
        spawner = _spawner
    return spawner.spawn(command, options)
