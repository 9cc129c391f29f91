"""Whose are these? Labels on everything we start, and whether the process that started it still lives.

A process id alone is reused; together with its start time (field 22 of /proc/PID/stat, ticks since boot, proc(5)) it
names one process of one boot.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

RUN_LABEL = "lockquake.run"
HOST_LABEL = "lockquake.host"
PID_LABEL = "lockquake.pid"
STARTED_LABEL = "lockquake.started"
OWNER_VARIABLE = "LOCKQUAKE_OWNER"
"""Environment variable of worker processes: ``<pid>:<start time>`` of the runner."""

_GONE_STATES = ("Z", "X", "x")


@dataclass(frozen=True)
class ProcessStat:
    """State letter and start time (clock ticks since boot) of a process."""

    state: str
    started: int


def parse_stat(text: str) -> ProcessStat:
    """Read a line of /proc/PID/stat. The command's name may hold blanks and brackets, so fields are counted from its
    last closing bracket. Raises ValueError."""
    fields = text.rpartition(")")[2].split()
    if len(fields) < 20:
        raise ValueError(f"not a line of /proc/PID/stat: {text[:80]!r}")
    return ProcessStat(fields[0], int(fields[19]))


def read_stat(pid: int) -> ProcessStat | None:
    """The process's state and start time, or None when there is no such process."""
    try:
        return parse_stat(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return None


def alive(pid: int, started: int) -> bool:
    """Whether exactly that process still runs; a zombie no longer does."""
    stat = read_stat(pid)
    return stat is not None and stat.started == started and stat.state not in _GONE_STATES


@dataclass(frozen=True)
class Host:
    """Where a process id means something: a machine's name, its boot, and the namespace of process ids."""

    name: str
    boot: str
    pids: str

    def __str__(self) -> str:
        return f"{self.name}+{self.boot}+{self.pids}"

    @classmethod
    def parse(cls, text: str) -> Host | None:
        """The inverse of ``str``; None for anything else."""
        parts = text.rsplit("+", 2)
        return cls(*parts) if len(parts) == 3 else None


@cache
def this_host() -> Host:
    """The host of this process."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Host(socket.gethostname(), boot, str(os.stat("/proc/self/ns/pid").st_ino))


def labels(run_id: str) -> dict[str, str]:
    """The labels of every container, network and volume this process creates for ``run_id``."""
    pid, started = _self()
    return {RUN_LABEL: run_id, HOST_LABEL: str(this_host()), PID_LABEL: str(pid), STARTED_LABEL: str(started)}


def owner_variable() -> dict[str, str]:
    """The environment entry that marks a process as a worker of this one."""
    pid, started = _self()
    return {OWNER_VARIABLE: f"{pid}:{started}"}


def _self() -> tuple[int, int]:
    pid = os.getpid()
    stat = read_stat(pid)
    if stat is None:
        raise OSError(f"/proc/{pid}/stat cannot be read; Lockquake needs /proc to know its own start time")
    return pid, stat.started


def owner_is_dead(found: Mapping[str, str], *, daemon_is_local: bool) -> bool:
    """Whether the labels' owner certainly no longer lives. Other hosts' owners and unreadable labels: not certain.

    An owner from an earlier boot of a machine of this name is dead when the daemon is a local one; behind a remote
    daemon a second machine may have the same name.
    """
    host = Host.parse(found.get(HOST_LABEL, ""))
    here = this_host()
    if host is None or host.name != here.name:
        return False
    if host.boot != here.boot:
        return daemon_is_local
    try:
        pid, started = int(found.get(PID_LABEL, "")), int(found.get(STARTED_LABEL, ""))
    except ValueError:
        return False
    return host.pids == here.pids and not alive(pid, started)
