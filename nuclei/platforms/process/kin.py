"""Processes that a server has made: a signal to its process group does not reach those that left it.

PostgreSQL gives every connection a process with a session of its own. They end by themselves when their parent is
killed, but a frozen one hears of nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from nuclei.platforms import signals
from nuclei.platforms.base import HarnessError

_SECONDS = 3.0


def descendants(pid: int) -> list[int]:
    """The children of a process, theirs, and so on, as far as the kernel tells."""
    found: list[int] = []
    pending = [pid]
    while pending:
        for listed in Path(f"/proc/{pending.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                pending += map(int, listed.read_text(encoding="ascii").split())
        found += [each for each in pending if each not in found]
    return found


def working_in(directory: Path) -> list[int]:
    """Processes whose working directory this is, or lies below: those of a server whose parent is not to be had."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and Path(os.readlink(entry / "cwd")).is_relative_to(directory):
                found.append(int(entry.name))
    return found


def kill(pids: Iterable[int]) -> None:
    """SIGKILL, proven when they have gone. Raises HarnessError."""
    _signal(pids, signal.SIGKILL, lambda letter: letter in {"", "Z", "X"})


def stop(pids: Iterable[int]) -> None:
    """SIGSTOP, proven when the kernel calls them stopped. Raises HarnessError."""
    _signal(pids, signal.SIGSTOP, lambda letter: letter in {"T", "", "Z", "X"})


def go_on(pids: Iterable[int]) -> None:
    """SIGCONT, proven when the kernel does not call them stopped. Raises HarnessError."""
    _signal(pids, signal.SIGCONT, lambda letter: letter != "T")


def _signal(pids: Iterable[int], number: signal.Signals, done: Callable[[str], bool]) -> None:
    asked = list(pids)
    for pid in asked:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    deadline = time.monotonic() + _SECONDS
    while left := [pid for pid in asked if not done(signals.state(pid))]:
        if time.monotonic() > deadline:
            raise HarnessError(f"{number.name} had no effect on process {left[0]} within {_SECONDS:g} s")
        time.sleep(signals.POLL)
