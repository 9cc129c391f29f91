"""Servers that refuse to run as root: how they are started as nobody where we are root.

setpriv(1) changes the user without PAM or a new process, and asks the kernel anew to be killed with the runner, which a
change of user forgets. It keeps one capability, to look into our directories, which are closed to others: those of a
run, and the cache where set-up unpacks servers.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

_USER = 65534
_SECONDS = 10
AS_NOBODY = (
    f"setpriv --reuid={_USER} --regid={_USER} --clear-groups --pdeathsig=KILL "
    "--inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
)
"""What stands before a command."""


@functools.cache
def why_not() -> str | None:
    """Why a server cannot be started as nobody here, None where it can or need not; found out by trying."""
    if os.geteuid() != 0:
        return None
    if shutil.which("setpriv") is None:
        return "there is no setpriv (package util-linux) to start it as nobody; run as an ordinary user"
    try:
        tried = subprocess.run([*AS_NOBODY.split(), "true"], capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        return f"nobody cannot be tried ({error}); run as an ordinary user"
    if tried.returncode == 0:
        return None
    said = (tried.stderr.strip().splitlines() or ["it says nothing"])[-1]
    return f"it cannot be started as nobody ({said}); run as an ordinary user"
