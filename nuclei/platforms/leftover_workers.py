"""Client worker processes whose runner is dead. The kernel ends them with their runner (PR_SET_PDEATHSIG); one that
survived all the same, for example by changing its user, is found by its environment."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from nuclei.platforms.ownership import OWNER_VARIABLE, alive, read_stat


@dataclass(frozen=True)
class Worker:
    """A worker process (``pid`` with its start time in ticks since boot) and the runner it belonged to."""

    pid: int
    started: int
    owner_pid: int
    owner_started: int


def parse_owner(environ: bytes) -> tuple[int, int] | None:
    """The runner's process id and start time from the bytes of /proc/PID/environ, or None when it is no worker."""
    prefix = f"{OWNER_VARIABLE}=".encode()
    for entry in environ.split(b"\0"):
        if entry.startswith(prefix):
            pid, _, started = entry.removeprefix(prefix).partition(b":")
            if pid.isdigit() and started.isdigit():
                return int(pid), int(started)
    return None


def dead_workers(proc: Path = Path("/proc")) -> list[Worker]:
    """The workers on this machine whose runner no longer lives; processes that may not be read are left out.

    Only processes of our own namespace of process ids count: elsewhere the owner's id means another process.
    """
    ours = os.stat("/proc/self/ns/pid").st_ino
    found = []
    for directory in proc.iterdir():
        if not directory.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            owner = parse_owner((directory / "environ").read_bytes())
            if owner is None or alive(*owner) or os.stat(directory / "ns/pid").st_ino != ours:
                continue
            stat = read_stat(int(directory.name))
            if stat is not None and alive(int(directory.name), stat.started):
                found.append(Worker(int(directory.name), stat.started, *owner))
    return found


def end_worker(worker: Worker) -> bool:
    """SIGKILL the worker; False when it was gone already. The handle pins the process, so a reused id is never hit."""
    try:
        handle = os.pidfd_open(worker.pid)
    except OSError:
        return False
    try:
        if not alive(worker.pid, worker.started):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
