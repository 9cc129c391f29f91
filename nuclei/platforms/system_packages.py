"""Distribution packages that set-up needs: installed by apt-get as root, otherwise named with the one command."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping

from nuclei.platforms.base import HarnessError

APT_SECONDS = 600


class PackagesMissing(HarnessError):
    """Programs are missing; the message holds the one command that brings them."""


def install_command(packages: list[str]) -> str:
    """What a person types, as root, to install ``packages``."""
    return f"apt-get update && apt-get install -y --no-install-recommends {' '.join(sorted(packages))}"


def missing(programs: Mapping[str, str]) -> list[str]:
    """The packages (values) whose program (keys) is not on PATH, /usr/sbin included."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    return sorted({package for program, package in programs.items() if shutil.which(program, path=path) is None})


def image_building() -> Mapping[str, str]:
    """The programs that building an image needs; without root also those that map user ids."""
    needed = {"mmdebstrap": "mmdebstrap"}
    return needed if os.geteuid() == 0 else needed | {"newuidmap": "uidmap"}


def require(programs: Mapping[str, str], purpose: str, say: Callable[[str], None]) -> None:
    """Make every program present: program → package. As root the packages are installed, else PackagesMissing."""
    packages = missing(programs)
    if not packages:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise PackagesMissing(
            f"to {purpose}, {', '.join(packages)} must be installed; as root: {install_command(packages)}"
        )
    say(f"installing {', '.join(packages)} (needed to {purpose})")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for argv in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        _apt_get(argv, environment)
    if left := missing(programs):
        raise PackagesMissing(f"apt-get installed {', '.join(packages)}, but {', '.join(left)} is still missing")


def _apt_get(argv: list[str], environment: Mapping[str, str]) -> None:
    command = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120", *argv]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=APT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise PackagesMissing(f"`{' '.join(command)}` did not end within {APT_SECONDS} s; run it by hand") from None
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-50:])
        raise PackagesMissing(f"`{' '.join(command)}` ended with code {done.returncode}; its last lines:\n{last}")
