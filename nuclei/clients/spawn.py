"""Start client processes so that none outlives its runner.

The kernel kills a client (PR_SET_PDEATHSIG, also a stopped one) when the *thread* that spawned it ends, so every client
is spawned by one thread of its own that lives as long as this process. Clients are in a process group of their own: a
Ctrl-C at the terminal reaches the runner only, which then heals and ends them in order.
"""

from __future__ import annotations

import os
import site
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

import nuclei
from nuclei.platforms.ownership import owner_variable

WORKER = "nuclei.clients.worker"


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


def python_worker() -> list[str]:
    """The command of our own worker. ``-P`` keeps the current directory, which may hold anything, off its path."""
    return [sys.executable, "-P", "-m", WORKER, "--runner", str(os.getpid())]


class _Spawner:
    """The one thread that spawns; it never ends before the process does."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._jobs: SimpleQueue[tuple[Future[subprocess.Popen[bytes]], Sequence[str], Mapping[str, str], BinaryIO]] = (
            SimpleQueue()
        )
        threading.Thread(target=self._work, name="lockquake-spawner", daemon=True).start()

    def spawn(self, command: Sequence[str], env: Mapping[str, str], stderr: BinaryIO) -> subprocess.Popen[bytes]:
        job: Future[subprocess.Popen[bytes]] = Future()
        self._jobs.put((job, command, env, stderr))
        return job.result(timeout=30)

    def _work(self) -> None:
        while True:
            job, command, env, stderr = self._jobs.get()
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=env, process_group=0
                )
            except Exception as error:
                job.set_exception(error)
            else:
                job.set_result(process)
                del process
            del job


_spawner: _Spawner | None = None
_guard = threading.Lock()


def spawn(command: Sequence[str], stderr: BinaryIO) -> subprocess.Popen[bytes]:
    """Start a process with pipes for stdin and stdout from the long-lived thread. Raises OSError.

    Any thread may call this; a forked child of this process gets a spawning thread of its own.
    """
    global _spawner
    with _guard:
        if _spawner is None or _spawner.pid != os.getpid():
            _spawner = _Spawner()
        spawner = _spawner
    return spawner.spawn(command, environment(), stderr)
