"""Reach the Docker daemon, or say in one sentence why it cannot be reached and what would change that."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nuclei.platforms.base import HarnessError

if TYPE_CHECKING:
    from docker import DockerClient


class DaemonUnavailable(HarnessError):
    """The Docker daemon cannot be used from here. ``kind``: ``absent``, ``permission`` or ``silent``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def daemon_address() -> str:
    """Where the daemon is looked for: DOCKER_HOST, or the usual socket."""
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def connect(timeout: float = 60.0) -> DockerClient:
    """A client of a daemon that has just answered. ``timeout``: seconds any single call may take.

    Raises DaemonUnavailable, after twice ``timeout`` at most.
    """
    import docker
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    client: DockerClient | None = None
    try:
        _knock(timeout)
        client = docker.from_env(timeout=max(1, round(timeout)))
        client.ping()
    except (DockerException, RequestException, OSError) as error:
        if client is not None:
            client.close()
        raise unavailable(error) from error
    return client


def _knock(timeout: float) -> None:
    """Connect to the daemon's Unix socket once ourselves: the SDK leaks a socket for each refused connection."""
    scheme, _, path = daemon_address().partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(timeout)
            knocking.connect(path)


def unavailable(error: BaseException) -> DaemonUnavailable:
    """The sentence for what the SDK raised: no socket, no permission on it, or nobody answering behind it."""
    causes = list(_causes(error))
    address = daemon_address()
    if any(isinstance(cause, PermissionError) for cause in causes):
        return DaemonUnavailable(
            "permission",
            f"no permission on the Docker socket {address}; join its group as root with "
            f"`usermod -aG docker {_user()}` and log in again",
        )
    if any(isinstance(cause, FileNotFoundError) for cause in causes):
        return DaemonUnavailable(
            "absent",
            f"no Docker daemon: {address} does not exist; install it as root with `apt-get install -y docker.io`, "
            "start it with `systemctl start docker`, or name another daemon with DOCKER_HOST",
        )
    return DaemonUnavailable(
        "silent",
        f"the Docker daemon at {address} does not answer ({causes[-1]}); start it as root with "
        "`systemctl restart docker`, or name another daemon with DOCKER_HOST",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it wraps: by chaining, or as an argument, as urllib3 and requests do."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        item = pending.pop(0)
        if isinstance(item, tuple):
            pending.extend(item)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        pending += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
