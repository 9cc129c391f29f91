"""Small distributions as pip would install them: a module, and metadata with entry points."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODULE = '''\
"""Says that it was imported."""
import os
from pathlib import Path

from lockquake.lock import Claim, Grant, Lock, Refused

Path(os.environ.get("IMPORTED", os.devnull)).write_text(__name__)


class Ours(Lock):
    """Their lock."""

    clusters = ("redis-single",)
    claims = (Claim(property="mutual-exclusion", fault="none", verdict="kept", source="their manual"),)
    defaults = {"ttl": 3.0}

    def acquire(self, attempt, limit):
        raise Refused("busy")

    def release(self): ...
    def close(self): ...


class Half(Lock):
    def acquire(self, attempt, limit): ...


number = 3
'''


def install(site: Path, distribution: str, points: dict[str, str], code: str = MODULE) -> None:
    """A distribution of version 1.2 in ``site``; ``points``: lock name → ``module:attribute``."""
    module = distribution.replace("-", "_")
    (site / f"{module}.py").write_text(code)
    info = site / f"{module}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[lockquake.locks]", *lines, ""]))


def python(
    site: Path, *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """An interpreter with ``site`` on its path."""
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])} | environment
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=120, check=False)


def lockquake(
    site: Path, *arguments: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The command line with ``site`` on its path."""
    return python(site, "-m", "lockquake", *arguments, cwd=cwd, **variables)
