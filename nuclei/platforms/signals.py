"""Stop, continue and kill a child process, each with proof that it took effect.

Measured (WIRING §4.6): a stopped child is seen by its parent within 0.1 ms. ``waitid`` with WSTOPPED reports a child
only after *all* its threads have stopped, which is what makes it a proof for locks that have threads.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nuclei.platforms.base import HarnessError

POLL = 0.0005
LIMIT = 2.0


@dataclass(frozen=True)
class Proof:
    """CLOCK_MONOTONIC ns between which it took effect: just before it was asked for, and when it was observed."""

    asked: int
    proven: int
    evidence: str


def _until(observe: Callable[[], str | None], what: str, process: subprocess.Popen[bytes], asked: int) -> Proof:
    deadline = time.monotonic() + LIMIT
    while True:
        evidence = observe()
        if evidence is not None:
            return Proof(asked, time.monotonic_ns(), evidence)
        if time.monotonic() >= deadline:
            raise HarnessError(
                f"asked process {process.pid} to {what}; after {LIMIT} s it is {state(process.pid) or 'gone'}"
            )
        time.sleep(POLL)


def state(pid: int) -> str:
    """The kernel's letter for a process (``R``, ``S``, ``D``, ``T`` stopped, ``Z`` ended), or nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _send(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    """Signal a child that was not reaped yet. Raises HarnessError when it has ended."""
    asked = time.monotonic_ns()
    if process.poll() is not None:
        raise HarnessError(f"{number.name} for process {process.pid}: it has ended with code {process.returncode}")
    process.send_signal(number)
    return asked


def stop(process: subprocess.Popen[bytes]) -> Proof:
    """SIGSTOP, proven when the kernel reports every thread stopped. Raises HarnessError (also when it has ended)."""

    def observe() -> str | None:
        try:
            seen = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            seen = None
        if seen is not None:
            return f"waitid: process {process.pid} stopped by signal {seen.si_status}"
        if process.poll() is not None:
            raise HarnessError(f"stopping process {process.pid}: it ended with code {process.returncode} instead")
        return None

    return _until(observe, "stop", process, _send(process, signal.SIGSTOP))


def go_on(process: subprocess.Popen[bytes]) -> Proof:
    """SIGCONT, proven when the kernel says it is no longer stopped. Raises HarnessError (also when it has ended)."""

    def observe() -> str | None:
        letter = state(process.pid)
        return f"/proc/{process.pid}/stat: {letter}" if letter not in {"T", "", "Z", "X"} else None

    return _until(observe, "continue", process, _send(process, signal.SIGCONT))


def kill(process: subprocess.Popen[bytes], *, group: bool = False) -> Proof:
    """SIGKILL, proven by its exit; a stopped process dies as well. ``group``: and whatever it forked into its own
    process group. Raises HarnessError (also when it had ended)."""
    asked = _send(process, signal.SIGKILL)
    if group:  # before it is reaped: until then nobody else can have its number
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    try:
        code = process.wait(LIMIT)
    except subprocess.TimeoutExpired as late:
        raise HarnessError(
            f"killed process {process.pid}; after {LIMIT} s it is in state {state(process.pid)}"
        ) from late
    return Proof(asked, time.monotonic_ns(), f"wait: process {process.pid} ended by signal {-code}")
