"""What the process platform needs: loopback addresses, server programs, and what the kernel lets us do."""

from __future__ import annotations

from lockquake.finding import Finding, State, split
from nuclei.platforms.process import blocks, homes, namespaces, servers
from nuclei.platforms.process.programs import PROGRAMS

NAME = "process"
OTHERS = ("zookeeper", *PROGRAMS)
"""What only some clusters run on."""


def check_up() -> list[Finding]:
    """Every check of this platform."""
    return [
        _judged("loopback", blocks.why_not(), "missing", "127.0.0.0/8 can be listened on"),
        _judged("redis", servers.why_not("redis"), "missing", servers.describe("redis")),
        *(_judged(name, servers.why_not(name), "optional", servers.describe(name)) for name in OTHERS),
        _judged("names", namespaces.why_not(), "optional", "every node can have an /etc/hosts of its own"),
        leftovers(),
    ]


def _judged(check: str, reason: str | None, otherwise: State, found: str) -> Finding:
    if reason is None:
        return Finding(platform=NAME, check=check, state="ok", found=found)
    seen, remedy = split(reason)
    return Finding(platform=NAME, check=check, state=otherwise, found=seen, remedy=remedy)


def leftovers() -> Finding:
    """Directories of dead runs of this user; the next start removes them by itself."""
    names = [home.name for home in homes.dead()]
    if not names:
        return Finding(platform=NAME, check="directories", state="ok", found="no directories of dead runs")
    found = f"dead runs left {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"
    return Finding(platform=NAME, check="directories", state="optional", found=found, remedy="lockquake doctor --clean")
