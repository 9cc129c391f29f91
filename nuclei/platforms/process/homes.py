"""Directories of process runs: one per run below the system's directory for temporary files, removed at its end.

Its owner's name is in it, so that the next start removes what a dead owner left.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

from nuclei.platforms.base import HarnessError
from nuclei.platforms.ownership import labels, owner_is_dead
from nuclei.platforms.process import kin

_OWNER = "owner.json"
_PLAIN = re.compile(r"[\w/.-]+", re.ASCII)


def root() -> Path:
    """Where directories of runs are made: the system's place for temporary files, or /tmp where its path is not plain,
    because configuration files name it unquoted."""
    place = Path(tempfile.gettempdir())
    return place if _PLAIN.fullmatch(str(place)) else Path("/tmp")


def _prefix() -> str:
    return f"lockquake-{os.getuid()}-"


def make(run_id: str) -> Path:
    """A directory for a run, with its owner written in it, for this user only. Raises HarnessError."""
    home = root() / f"{_prefix()}{run_id}"
    try:
        home.mkdir(mode=0o700)
        (home / _OWNER).write_text(json.dumps(labels(run_id)), encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"cannot make {home} for the servers' files: {error.strerror}; set TMPDIR") from error
    return home


def remove(home: Path) -> None:
    """Remove a run's directory; what will not go is left to the next sweep."""
    shutil.rmtree(home, ignore_errors=True)


def dead() -> list[Path]:
    """Directories of this user whose owners no longer live."""
    found = []
    for home in root().glob(f"{_prefix()}*"):
        with contextlib.suppress(OSError, ValueError):
            if owner_is_dead(json.loads((home / _OWNER).read_text(encoding="utf-8")), daemon_is_local=True):
                found.append(home)
    return found


def sweep() -> list[str]:
    """Remove :func:`dead` ones, and end what still works in them; returns their names."""
    found = dead()
    for home in found:
        with contextlib.suppress(HarnessError):
            kin.kill(kin.working_in(home))
        remove(home)
    return [home.name for home in found if not home.exists()]
