"""Which platforms there are, what each can do on this machine, and which one ``auto`` takes.

Nothing here starts a server; asking costs a few tens of milliseconds, a daemon that is silent some seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from nuclei.platforms.base import HarnessError, Platform

Ability = Literal["links-between-nodes", "packets-between-nodes", "clocks"]
"""What a fault may need beyond pausing, killing and cutting clients off: cutting links between nodes (by the proxy, or
where nodes reach each other past it, by dropping packets), moving the wall clock of one."""

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class PlatformEntry:
    """A platform as far as it can be asked without starting anything.

    ``why_not``: why nothing can run there, None where something can. ``why_not_image``: why the nodes of an image
    cannot. ``cannot``: why what a fault needs cannot be had. Each a sentence with its remedy.
    """

    name: str
    summary: str
    make: Callable[[], Platform]
    why_not: Callable[[], str | None]
    why_not_image: Callable[[str], str | None]
    cannot: Callable[[Ability], str | None]


def _docker() -> Platform:
    from nuclei.platforms.docker import DockerPlatform

    return DockerPlatform()


def _no_daemon() -> str | None:
    from nuclei.platforms.docker_daemon import DaemonUnavailable, connect

    try:
        connect(timeout=5).close()
    except DaemonUnavailable as error:
        return str(error)
    return None


def _no_container_image(name: str) -> str | None:
    from nuclei.platforms.images import resolve

    if reason := _no_daemon():
        return reason
    try:
        resolve(name)
    except HarnessError as error:
        return str(error)
    return None


def _process() -> Platform:
    from nuclei.platforms.process import ProcessPlatform

    return ProcessPlatform()


def _no_addresses() -> str | None:
    from nuclei.platforms.process import blocks

    return blocks.why_not()


def _no_server(image: str) -> str | None:
    from nuclei.platforms.process import servers

    return _no_addresses() or servers.why_not(image)


def _process_cannot(ability: Ability) -> str | None:
    from nuclei.platforms.process import clock, namespaces

    if ability == "packets-between-nodes":
        return (
            "these nodes reach each other past the proxy, and here they share one network, in which a packet filter "
            "would be the whole machine's; --platform docker can cut them apart"
        )
    return namespaces.why_not() if ability == "links-between-nodes" else clock.why_not()


def _docker_cannot(ability: Ability) -> str | None:
    """``date -s`` in a container would move the clock of the whole machine."""
    if ability == "clocks":
        return "clocks of containers cannot be moved yet, only those of platform process"
    return _no_packet_filter() if ability == "packets-between-nodes" else None


def _no_packet_filter() -> str | None:
    """Why packets cannot be dropped inside the containers of Redis nodes. A missing image is told of at its start."""
    from nuclei.platforms.images import resolve

    try:
        image = resolve("redis")
    except HarnessError:
        return None
    if image.flavour == "official":
        return f"the image {image.reference} brings no iptables; `lockquake images --ensure --no-pull` builds one"
    return None


PLATFORMS: dict[str, PlatformEntry] = {
    "docker": PlatformEntry(
        name="docker",
        summary="servers in containers",
        make=_docker,
        why_not=_no_daemon,
        why_not_image=_no_container_image,
        cannot=_docker_cannot,
    ),
    "process": PlatformEntry(
        name="process",
        summary="servers as child processes on loopback addresses",
        make=_process,
        why_not=_no_addresses,
        why_not_image=_no_server,
        cannot=_process_cannot,
    ),
}
NAMES = (AUTO, *PLATFORMS)


@dataclass(frozen=True)
class Choice:
    """A platform's name and why it was taken, as half a sentence."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"platform {self.name}: {self.why}"


def choose(wanted: str, images: Iterable[str] = ("redis",)) -> Choice:
    """The platform to use for nodes of some images. ``auto``: docker where the daemon answers and the images of nodes
    and proxy are there, else process. Raises HarnessError for a platform that does not exist."""
    if wanted in PLATFORMS:
        return Choice(wanted, "as asked for")
    if wanted != AUTO:
        raise HarnessError(f"there is no platform {wanted!r}; there are {', '.join(NAMES)}")
    for image in (*images, "toxiproxy"):
        if reason := _no_container_image(image):
            # What would change that is the doctor's to say: nothing is wrong.
            return Choice("process", f"docker cannot be used: {reason.partition('; ')[0]}")
    return Choice("docker", "its daemon answers and the images are present")
