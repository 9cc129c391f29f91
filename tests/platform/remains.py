"""What a platform's run could leave behind: containers and networks; processes, a directory, a block of addresses."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nuclei.platforms.base import Platform

if TYPE_CHECKING:
    from nuclei.platforms.process import ProcessPlatform

CLAIM_PORT = 8475
"""Where a run claims its block of addresses."""


def remains_of(platform: Platform) -> Callable[[], list[str]]:
    """A look, for after the platform's end, at what is left of it; to be made while it runs."""
    from nuclei.platforms.process import ProcessPlatform

    if isinstance(platform, ProcessPlatform):
        return Footprint.of(platform).left
    run_id = str(getattr(platform, "run_id"))  # noqa: B009 - of Docker's platform alone
    return lambda: left_behind([run_id])


def left_behind(runs: list[str]) -> list[str]:
    """Names of containers and networks of these runs that still exist."""
    from nuclei.platforms.docker_daemon import connect
    from nuclei.platforms.ownership import RUN_LABEL

    client = connect(timeout=30)
    try:
        found = []
        for run in runs:
            filters = {"label": f"{RUN_LABEL}={run}"}
            found += [c.id for c in client.containers.list(all=True, sparse=True, filters=filters)]
            found += [network.name for network in client.networks.list(filters=filters)]
        return found
    finally:
        client.close()


@dataclass(frozen=True)
class Footprint:
    """Where a process run is: its directory, and its addresses (``127.A.B.``)."""

    home: Path
    block: str

    @classmethod
    def of(cls, platform: ProcessPlatform) -> Footprint:
        """Of a started platform, whatever its nodes are called."""
        places = platform._places
        first = places[next(iter(places))]
        return cls(Path(first.home).parent, first.listen.rpartition(".")[0] + ".")

    def processes(self) -> dict[int, str]:
        """Process id → command line of everything that names the directory or an address, or works in the directory.

        Whoever only forked in between is caught by its directory of work."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                said = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                where = os.readlink(entry / "cwd")
            except OSError:
                continue
            if int(entry.name) != os.getpid() and (
                str(self.home) in said or self.block in said or where.startswith(str(self.home))
            ):
                found[int(entry.name)] = said.strip()
        return found

    def left(self) -> list[str]:
        """Processes, directory and block that are still there."""
        found = [f"process {pid}: {said}" for pid, said in self.processes().items()]
        found += [str(self.home)] if self.home.exists() else []
        with socket.socket() as claim:
            try:
                claim.bind((f"{self.block}253", CLAIM_PORT))
            except OSError as error:
                found.append(f"the block of {self.block}0/24: {error.strerror}")
        return found
