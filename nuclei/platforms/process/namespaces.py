"""Names that lead somewhere else at every node: mount namespaces, each with an /etc/hosts of its own.

Only with them do connections between nodes cross the proxy. Where the kernel refuses, nodes call each other by
address, and faults on links between nodes are unsupported; everything else works.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from nuclei.platforms.process import homes, launch

LAUNCHER = [sys.executable, "-I", "-S", str(Path(launch.__file__).resolve())]
_HOSTS = Path("/etc/hosts")
_SWITCH = Path("/etc/nsswitch.conf")
_CACHES = (Path("/run/nscd"), Path("/var/run/nscd"))
_SECONDS = 10
_PROBE = "import socket; print(socket.getaddrinfo('lockquake-probe', 1, socket.AF_INET)[0][4][0])"
_PROBE_ADDRESS = "127.99.98.97"
_SYSCTL = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
REMEDY = "run as root, or with CAP_SYS_ADMIN in a container"


def binds(directory: Path, hosts: Mapping[str, str]) -> list[str]:
    """Write a node's own /etc/hosts (``hosts``: name → address, before the machine's own) into ``directory``; returns
    what the launcher is to lay over what. Name services and caches that would answer from elsewhere are laid over."""
    own = directory / "hosts"
    entries = [f"{address} {name}" for name, address in hosts.items()]
    own.write_text("\n".join([*entries, _read(_HOSTS)]), encoding="utf-8")
    switch = directory / "nsswitch.conf"
    switch.write_text("passwd: files\ngroup: files\nshadow: files\nhosts: files\n", encoding="utf-8")
    nothing = directory / "empty"
    nothing.mkdir(exist_ok=True)
    caches = [f"{nothing}:{cache}" for cache in _CACHES if cache.is_dir() and not cache.is_symlink()]
    return [f"{own}:{_HOSTS}", f"{switch}:{_SWITCH}", *caches]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "127.0.0.1 localhost\n"


def command(parent: int, laid: Sequence[str], argv: Sequence[str]) -> list[str]:
    """``argv`` as a child of ``parent`` that dies with it, in a namespace of its own where ``laid`` is not empty."""
    return [*LAUNCHER, str(parent), *laid, "--", *argv]


@functools.cache
def why_not() -> str | None:
    """Why nodes cannot have names of their own here, None where they can; found out by trying, once a process."""
    if not _HOSTS.is_file():
        return "there is no /etc/hosts to lay another one over; create an empty one"
    with tempfile.TemporaryDirectory(prefix="lockquake-probe-", dir=homes.root()) as made:
        laid = binds(Path(made), {"lockquake-probe": _PROBE_ADDRESS})
        probe = command(os.getpid(), laid, [sys.executable, "-I", "-S", "-c", _PROBE])
        try:
            found = subprocess.run(probe, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"a mount namespace could not be tried: {error}"
    if found.stdout.strip() == _PROBE_ADDRESS:
        return None
    said = (found.stderr.strip().splitlines() or ["names still lead elsewhere inside one"])[-1]
    return f"this kernel lets us make no mount namespace ({said.removeprefix('launch: ')}); {_remedy()}"


def _remedy() -> str:
    if _read(_SYSCTL).strip() == "1":
        return f"{REMEDY}, or, as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    return REMEDY
