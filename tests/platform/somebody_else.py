"""Run a command as an unprivileged user, for tests that root runs."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nuclei.platforms.spawner import environment

ROOT = Path(__file__).resolve().parents[2]
NEEDED = (Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), ROOT)
"""The interpreter, its environment and the checkout; any may lie below a directory that is closed to others."""

# In a mount namespace of its own: what is needed below a closed directory is put aside into a file system in memory, an
# open directory is laid over the closed one, and what is needed put back there. Arguments: an empty directory, the
# closed one, what is needed below it, --, the command.
_OPEN = """
set -e
aside=$1; closed=$2; shift 2
mount -t tmpfs tmpfs "$aside"
for needed; do
    [ "$needed" = -- ] && break
    mkdir -p "$aside$needed"; mount --rbind "$needed" "$aside$needed"
done
mount -t tmpfs -o mode=755 tmpfs "$closed"
while [ "$1" != -- ]; do
    mkdir -p "$1"; mount --rbind "$aside$1" "$1"; shift
done
shift
exec "$@"
"""


class AsNobody:
    """The user ``nobody`` with a home of its own for files. Raises OSError where no process of theirs can be had."""

    def __init__(self) -> None:
        self.user = pwd.getpwnam("nobody")
        self.home = Path(tempfile.mkdtemp(prefix="lockquake-nobody-"))
        os.chown(self.home, self.user.pw_uid, self.user.pw_gid)
        places = {"HOME": str(self.home), "TMPDIR": str(self.home), "XDG_CACHE_HOME": str(self.home / "cache")}
        self.variables = {**environment(), **places}
        probe = self.argv([sys.executable, "-c", "import lockquake, redis, os; print(os.getuid())"])
        done = subprocess.run(probe, env=self.variables, cwd="/", capture_output=True, text=True, check=False)
        if done.stdout != f"{self.user.pw_uid}\n":
            self.remove()
            raise OSError(done.stderr.strip()[-300:])

    def argv(self, command: Sequence[str]) -> list[str]:
        """The command line that runs ``command`` as this user."""
        identity = [f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups"]
        become = ["setpriv", *identity, "--", *command]
        closed = next(filter(None, map(_closed, NEEDED)), None)
        if closed is None:
            return become
        below = [str(path) for path in NEEDED if path.is_relative_to(closed)]
        (self.home / "aside").mkdir(exist_ok=True)
        opened = ["sh", "-c", _OPEN, "open", str(self.home / "aside"), str(closed), *below, "--"]
        return ["unshare", "--mount", "--propagation", "private", *opened, *become]

    def remove(self) -> None:
        """Remove the home and all in it."""
        shutil.rmtree(self.home)


def _closed(path: Path) -> Path | None:
    """The outermost directory on the way to ``path`` that others may not enter."""
    for directory in [*reversed(path.parents), path]:
        if not directory.stat().st_mode & stat.S_IXOTH:
            return directory
    return None
