"""What can run on this machine, what cannot, and the command that would change that: one check a function.

A check never raises and never changes the machine, apart from those that can only be made by trying: one small network
of the daemon's is made and removed, one block of loopback addresses claimed and given back.
"""

from __future__ import annotations

import sys

from lockquake import checkup_docker, checkup_process
from lockquake.finding import Finding
from nuclei.platforms.choice import PLATFORMS
from nuclei.platforms.leftover_workers import dead_workers

OLDEST_PYTHON = (3, 11)


def check_up() -> list[Finding]:
    """Every check: what all need, then platform by platform. Takes a few seconds at most where the Docker daemon does
    not answer."""
    return [python(), workers(), *checkup_docker.check_up(), *checkup_process.check_up()]


def usable(findings: list[Finding]) -> list[str]:
    """The platforms that trials can run on: nothing that they, or all, need is missing."""
    missing = {finding.platform for finding in findings if finding.state == "missing"}
    return [] if "" in missing else [name for name in PLATFORMS if name not in missing]


def python() -> Finding:
    """The interpreter's version."""
    found = f"Python {sys.version.split()[0]}"
    if sys.version_info >= OLDEST_PYTHON:
        return Finding(check="python", state="ok", found=found)
    remedy = "install Python 3.11 or later and run make with PYTHON=/path/to/it"
    return Finding(check="python", state="missing", found=found, remedy=remedy)


def workers() -> Finding:
    """Client processes of dead runs."""
    pids = [str(worker.pid) for worker in dead_workers()]
    if not pids:
        return Finding(check="workers", state="ok", found="no client processes of dead runs")
    found = f"client processes of dead runs: {', '.join(pids)}"
    return Finding(check="workers", state="optional", found=found, remedy="lockquake doctor --clean")
