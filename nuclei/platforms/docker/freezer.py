"""Ask the kernel whether a process's cgroup is frozen (cgroup v1 freezer.state, cgroup v2 cgroup.events)."""

from __future__ import annotations

from pathlib import Path

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")


def frozen(pid: int, proc: Path = _PROC, cgroups: Path = _CGROUPS) -> bool | None:
    """Whether the cgroup of ``pid`` is frozen; None where that cannot be read (remote daemon, other namespaces)."""
    try:
        memberships = (proc / str(pid) / "cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in memberships:
        _, controllers, path = line.split(":", 2)
        relative = path.lstrip("/")
        if "freezer" in controllers.split(","):
            return _holds(cgroups / "freezer" / relative / "freezer.state", "FROZEN")
    for line in memberships:
        if line.startswith("0::"):
            return _holds(cgroups / line[3:].lstrip("/") / "cgroup.events", "frozen 1")
    return None


def _holds(file: Path, wanted: str) -> bool | None:
    try:
        return wanted in file.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
