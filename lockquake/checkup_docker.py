"""What the docker platform needs: a daemon, images, addresses, ports; and what could build images here."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lockquake.finding import Finding, State, split
from nuclei.platforms.base import HarnessError
from nuclei.platforms.docker.addresses import Ports, Subnets
from nuclei.platforms.docker.networks import claim
from nuclei.platforms.docker_daemon import DaemonUnavailable, connect, daemon_address
from nuclei.platforms.image_base import NoBase, read_base
from nuclei.platforms.image_plan import Use, plan
from nuclei.platforms.image_recipes import RECIPES
from nuclei.platforms.images import remedy, situations_of
from nuclei.platforms.sweep import find_dead, labels, sweep_run
from nuclei.platforms.system_packages import image_building as needed_to_build
from nuclei.platforms.system_packages import install_command, missing

if TYPE_CHECKING:
    from docker import DockerClient

NAME = "docker"


def check_up() -> list[Finding]:
    """Every check of this platform; without a daemon only what does not ask it."""
    findings: list[Finding] = []
    try:
        client = connect(timeout=5)
    except DaemonUnavailable as error:
        findings.append(_missing(error))
    else:
        try:
            findings += [docker(client), *images(), addresses(client), leftovers(client)]
        except HarnessError as error:
            findings.append(_missing(error))
        finally:
            client.close()
    return [*findings, ports(), image_building()]


def _missing(error: HarnessError) -> Finding:
    seen, remedy = split(str(error))
    return Finding(platform=NAME, check="docker", state="missing", found=seen, remedy=remedy or "try again")


def docker(client: DockerClient) -> Finding:
    """The daemon's version; that it answers was seen by connecting."""
    return Finding(
        platform=NAME, check="docker", state="ok", found=f"Docker {client.version()['Version']} at {daemon_address()}"
    )


def images() -> Iterator[Finding]:
    """Each needed image."""
    for situation in situations_of(list(RECIPES), allow_pull=True, allow_build=True):
        decision = plan(situation)
        check = f"image {situation.name}"
        if isinstance(decision, Use):
            yield Finding(platform=NAME, check=check, state="ok", found=f"{decision.reference} ({decision.source})")
        else:
            state: State = "optional" if RECIPES[situation.name].on_request else "missing"
            brings = remedy(situation.name)
            yield Finding(platform=NAME, check=check, state=state, found="not present", remedy=brings)


def addresses(client: DockerClient) -> Finding:
    """Whether the block is large enough and a subnet of it is free, seen by claiming one."""
    run_id = f"doctor-{uuid.uuid4().hex[:12]}"
    try:
        subnets = Subnets()
        if reason := subnets.too_small():
            raise HarnessError(reason)
        claimed = claim(client, f"lockquake-{run_id}", subnets, labels(run_id), internal=True)
    except HarnessError as error:
        seen, remedy = split(str(error))
        return Finding(platform=NAME, check="addresses", state="missing", found=seen, remedy=remedy)
    finally:
        sweep_run(client, run_id)
    return Finding(
        platform=NAME, check="addresses", state="ok", found=f"{claimed.subnet.network} of {subnets.block} was free"
    )


def ports() -> Finding:
    """Whether the range of loopback ports is one, and large enough; whether one is free is only seen by using it."""
    try:
        span = Ports()
        if reason := span.too_small():
            raise HarnessError(reason)
    except HarnessError as error:
        seen, remedy = split(str(error))
        return Finding(platform=NAME, check="ports", state="missing", found=seen, remedy=remedy)
    return Finding(platform=NAME, check="ports", state="ok", found=f"{span.count} loopback ports, {span.span}")


def leftovers(client: DockerClient) -> Finding:
    """What dead runs of this host left on the daemon; the next start sweeps it by itself."""
    names = find_dead(client).names()
    if not names:
        return Finding(platform=NAME, check="leftovers", state="ok", found="nothing of dead runs on the daemon")
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return Finding(
        platform=NAME,
        check="leftovers",
        state="optional",
        found=f"dead runs left {shown}",
        remedy="lockquake doctor --clean",
    )


def image_building() -> Finding:
    """Whether images could be built from packages where no registry can be reached."""
    try:
        base = read_base()
    except NoBase as error:
        return Finding(
            platform=NAME, check="image building", state="optional", found=str(error), remedy="use a registry"
        )
    if packages := missing(needed_to_build()):
        remedy = f"as root: {install_command(packages)}"
        found = f"{' and '.join(packages)} not installed"
        return Finding(platform=NAME, check="image building", state="optional", found=found, remedy=remedy)
    found = f"mmdebstrap, {base.distribution} {base.suite} from {base.mirror}"
    return Finding(platform=NAME, check="image building", state="ok", found=found)
