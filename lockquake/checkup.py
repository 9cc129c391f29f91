"""What can run on this machine, what cannot, and the command that would change that: one check a function.

A check never raises and never changes the machine, apart from the address check: subnets can only be claimed by
trying, so it makes one small network and removes it.
"""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

import msgspec

from nuclei.platforms.base import HarnessError
from nuclei.platforms.docker.addresses import Ports, Subnets
from nuclei.platforms.docker.networks import claim
from nuclei.platforms.docker_daemon import DaemonUnavailable, connect, daemon_address
from nuclei.platforms.image_base import NoBase, read_base
from nuclei.platforms.image_plan import Use, plan
from nuclei.platforms.image_recipes import RECIPES
from nuclei.platforms.images import REMEDY, situations_of
from nuclei.platforms.leftover_workers import dead_workers
from nuclei.platforms.sweep import find_dead, labels, sweep_run
from nuclei.platforms.system_packages import image_building as needed_to_build
from nuclei.platforms.system_packages import install_command, missing

if TYPE_CHECKING:
    from docker import DockerClient

OLDEST_PYTHON = (3, 11)
State = Literal["ok", "missing", "optional"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check saw. ``missing`` keeps the main job from running, ``optional`` only what ``found`` names.

    ``remedy``: the command, or the sentence, that would change it; empty where all is well.
    """

    check: str
    state: State
    found: str
    remedy: str = ""


def check_up() -> list[Finding]:
    """Every check, the main job's first. Takes a few seconds at most where the daemon does not answer."""
    findings = [python()]
    try:
        client = connect(timeout=5)
    except DaemonUnavailable as error:
        seen, _, remedy = str(error).partition("; ")
        findings.append(Finding(check="docker", state="missing", found=seen, remedy=remedy))
    else:
        try:
            findings += [docker(client), *images(), addresses(client), leftovers(client)]
        except HarnessError as error:
            findings.append(Finding(check="docker", state="missing", found=str(error), remedy="try again"))
        finally:
            client.close()
    return [*findings, ports(), workers(), image_building(), *programs()]


def can_run_main_job(findings: list[Finding]) -> bool:
    """Whether nothing that trials on containers need is missing."""
    return all(finding.state != "missing" for finding in findings)


def python() -> Finding:
    """The interpreter's version."""
    found = f"Python {sys.version.split()[0]}"
    if sys.version_info >= OLDEST_PYTHON:
        return Finding(check="python", state="ok", found=found)
    remedy = "install Python 3.11 or later and run make with PYTHON=/path/to/it"
    return Finding(check="python", state="missing", found=found, remedy=remedy)


def docker(client: DockerClient) -> Finding:
    """The daemon's version; that it answers was seen by connecting."""
    return Finding(check="docker", state="ok", found=f"Docker {client.version()['Version']} at {daemon_address()}")


def images() -> Iterator[Finding]:
    """Each needed image."""
    for situation in situations_of(list(RECIPES), allow_pull=True, allow_build=True):
        decision = plan(situation)
        check = f"image {situation.name}"
        if isinstance(decision, Use):
            yield Finding(check=check, state="ok", found=f"{decision.reference} ({decision.source})")
        else:
            yield Finding(check=check, state="missing", found="not present", remedy=REMEDY)


def addresses(client: DockerClient) -> Finding:
    """Whether the block is large enough and a subnet of it is free, seen by claiming one."""
    run_id = f"doctor-{uuid.uuid4().hex[:12]}"
    try:
        subnets = Subnets()
        if reason := subnets.too_small():
            raise HarnessError(reason)
        claimed = claim(client, f"lockquake-{run_id}", subnets, labels(run_id), internal=True)
    except HarnessError as error:
        seen, _, remedy = str(error).partition("; ")
        return Finding(check="addresses", state="missing", found=seen, remedy=remedy)
    finally:
        sweep_run(client, run_id)
    return Finding(check="addresses", state="ok", found=f"{claimed.subnet.network} of {subnets.block} was free")


def ports() -> Finding:
    """Whether the range of loopback ports is one, and large enough; whether one is free is only seen by using it."""
    try:
        span = Ports()
        if reason := span.too_small():
            raise HarnessError(reason)
    except HarnessError as error:
        seen, _, remedy = str(error).partition("; ")
        return Finding(check="ports", state="missing", found=seen, remedy=remedy)
    return Finding(check="ports", state="ok", found=f"{span.count} loopback ports, {span.span}")


def leftovers(client: DockerClient) -> Finding:
    """What dead runs of this host left on the daemon; the next start sweeps it by itself."""
    names = find_dead(client).names()
    if not names:
        return Finding(check="leftovers", state="ok", found="nothing of dead runs on the daemon")
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return Finding(
        check="leftovers", state="optional", found=f"dead runs left {shown}", remedy="lockquake doctor --clean"
    )


def workers() -> Finding:
    """Client processes of dead runs."""
    pids = [str(worker.pid) for worker in dead_workers()]
    if not pids:
        return Finding(check="workers", state="ok", found="no client processes of dead runs")
    found = f"client processes of dead runs: {', '.join(pids)}"
    return Finding(check="workers", state="optional", found=found, remedy="lockquake doctor --clean")


def image_building() -> Finding:
    """Whether images could be built from packages where no registry can be reached."""
    try:
        base = read_base()
    except NoBase as error:
        return Finding(check="image building", state="optional", found=str(error), remedy="use a registry")
    if packages := missing(needed_to_build()):
        remedy = f"as root: {install_command(packages)}"
        found = f"{' and '.join(packages)} not installed"
        return Finding(check="image building", state="optional", found=found, remedy=remedy)
    found = f"mmdebstrap, {base.distribution} {base.suite} from {base.mirror}"
    return Finding(check="image building", state="ok", found=found)


# Program, what it is for, the Debian package that brings it.
_PROGRAMS = (
    ("java", "ZooKeeper without containers", "default-jre-headless"),
    ("redis-server", "Redis without containers", "redis-server"),
    ("cc", "compiling the clock shim for clock faults", "gcc libc6-dev"),
)


def programs(which: Callable[[str], str | None] = shutil.which) -> Iterator[Finding]:
    """Programs that only some things need."""
    for program, purpose, packages in _PROGRAMS:
        path = which(program)
        if path is not None:
            yield Finding(check=program, state="ok", found=f"{path} ({purpose})")
        else:
            remedy = f"{'as root: ' if os.geteuid() else ''}{install_command(packages.split())}"
            yield Finding(check=program, state="optional", found=f"not installed (for {purpose})", remedy=remedy)
