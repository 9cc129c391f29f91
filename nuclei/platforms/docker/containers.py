"""Containers: made and started by testcontainers, then paused, killed and started again by the docker SDK.

Proofs, not promises: each operation returns only when the daemon's own inspection shows the new state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nuclei.platforms.base import HarnessError
from nuclei.platforms.docker.freezer import frozen
from nuclei.platforms.docker.networks import Claimed
from nuclei.platforms.docker.wording import DockerRefused, explained

if TYPE_CHECKING:
    from docker import DockerClient

STATE_SECONDS = 15.0
_LOGS = {"max-size": "20m", "max-file": "1"}


class Containers:
    """The containers of one run. Thread-safe for different names."""

    def __init__(self, client: DockerClient, prefix: str, labels: Mapping[str, str], timeout: int) -> None:
        self.client = client
        self.prefix = prefix
        self.labels = dict(labels)
        self._version: str = client.api.api_version
        self._sdk = {"timeout": timeout, "version": self._version}
        self._held: dict[str, Any] = {}

    def start(
        self,
        name: str,
        image: str,
        network: Claimed,
        *,
        address: str,
        command: Sequence[str],
        entrypoint: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        ports: Mapping[str, tuple[str, int]] | None = None,
        hosts: Mapping[str, str] | None = None,
        copied: Sequence[tuple[bytes | Path, str]] = (),
        capabilities: Sequence[str] = (),
    ) -> Any:
        """Create, fill and start the container ``name`` with a static address; returns the SDK's container.

        ``copied``: bytes or a directory → where it goes. ``capabilities``: what it may do beyond nothing. Raises
        HarnessError (the container may be left, created).
        """
        from docker.types import EndpointConfig, LogConfig

        made = _container(image, self._sdk)
        made.with_name(f"{self.prefix}-{name}").with_command(list(command)).with_envs(**dict(environment or {}))
        for source, path in copied:
            made.with_copy_into_container(source, path)
        made.ports = dict(ports or {})
        made.with_kwargs(
            network=network.name,
            networking_config={network.name: EndpointConfig(self._version, ipv4_address=address)},
            hostname=name,
            extra_hosts=dict(hosts or {}),
            labels=self.labels,
            cap_drop=["ALL"],
            cap_add=list(capabilities),
            security_opt=["no-new-privileges"],
            log_config=LogConfig(type="json-file", config=_LOGS),
            **({} if entrypoint is None else {"entrypoint": list(entrypoint)}),
        )
        self._held[name] = made
        with explained(f"start container {name} from image {image}"):
            made.start()
        return made.get_wrapped_container()

    def discard(self, name: str) -> None:
        """Remove a container that was created but could not be started."""
        made = self._held.pop(name, None)
        if made is not None:
            with explained(f"remove container {name}"):
                made.stop()

    def connect(self, container: Any, network: Claimed, address: str) -> None:
        """Give a running container a foot in another network. (Before API 1.44 only one can be named at creation.)"""
        with explained(f"connect {container.name} to network {network.name}"):
            self.client.api.connect_container_to_network(container.id, network.id, ipv4_address=address)

    def close(self) -> None:
        """Close the docker clients testcontainers opened, one per container. Removes nothing."""
        for made in self._held.values():
            made.get_docker_client().client.close()
        self._held.clear()


def _container(image: str, sdk: Mapping[str, Any]) -> Any:
    """A testcontainers container, with its reaper off: its image cannot be had everywhere, and we sweep by label."""
    from testcontainers.core.config import ConnectionMode, testcontainers_config
    from testcontainers.core.container import DockerContainer

    testcontainers_config.ryuk_disabled = True
    testcontainers_config.connection_mode_override = ConnectionMode.docker_host
    return DockerContainer(image, docker_client_kw=dict(sdk))


def state(container: Any) -> dict[str, Any]:
    """The daemon's view now: ``Status``, ``Running``, ``Paused``, ``Pid``, ``ExitCode`` … Raises HarnessError."""
    with explained(f"inspect {container.name}"):
        container.reload()
    return dict(container.attrs["State"])


def word(found: Mapping[str, Any]) -> str:
    """``running``, ``paused`` or ``exited``."""
    if found["Paused"]:
        return "paused"
    return "running" if found["Running"] else "exited"


def until(container: Any, wanted: str, seconds: float = STATE_SECONDS) -> dict[str, Any]:
    """Wait until the daemon says ``wanted``; returns its view. Raises HarnessError with the last observation."""
    deadline = time.monotonic() + seconds
    while True:
        found = state(container)
        if word(found) == wanted:
            return found
        if time.monotonic() > deadline:
            raise HarnessError(
                f"container {container.name} is still {found['Status']} {seconds:g} s after it should be {wanted}; "
                "see `docker inspect` and the daemon's log"
            )
        time.sleep(0.005)


def kill(container: Any) -> str:
    """SIGKILL; returns when the daemon has seen the exit. A paused container dies as well."""
    if word(state(container)) != "exited":
        _unless_already(container, "kill", lambda: container.kill(signal="SIGKILL"), "exited")
    found = until(container, "exited")
    return f"exited with code {found['ExitCode']} at {found['FinishedAt']}"


def pause(container: Any) -> str:
    """Freeze by cgroup; returns when the daemon and, where it can be read, the kernel say so."""
    _unless_already(container, "pause", container.pause, "paused")
    found = until(container, "paused")
    said = frozen(int(found["Pid"]))
    if said is False:
        raise HarnessError(f"the daemon says {container.name} is paused, but its cgroup is not frozen")
    return f"paused, {'cgroup frozen' if said else 'cgroup not readable from here'}"


def resume(container: Any) -> str:
    """Thaw; a container that runs already counts. "is not paused" right after a pause was seen once: look again."""
    deadline = time.monotonic() + STATE_SECONDS
    while word(state(container)) == "paused" and time.monotonic() < deadline:
        _unless_already(container, "unpause", container.unpause, "running")
    found = state(container)
    if word(found) == "paused":
        raise HarnessError(f"container {container.name} stayed paused for {STATE_SECONDS:g} s of trying to resume it")
    return f"{found['Status']}, not paused"


def _unless_already(container: Any, verb: str, act: Callable[[], object], wanted: str) -> None:
    """Do it; a refusal counts only when the state is not what was wanted anyway."""
    try:
        with explained(f"{verb} {container.name}"):
            act()
    except DockerRefused:
        if verb != "unpause" and word(state(container)) != wanted:
            raise
