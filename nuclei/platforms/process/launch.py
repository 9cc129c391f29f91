"""Become a node's server: ``launch.py PARENT [SOURCE:TARGET …] -- COMMAND …``; started with ``python -I -S``.

With bind mounts named, the process first goes into a mount namespace of its own, in which SOURCE lies over TARGET:
that is how every node has an /etc/hosts of its own. Where it may not make one as it is, it makes a user namespace
around it, in which it keeps its user. Then it asks the kernel to be killed with its parent, also when stopped, and
becomes COMMAND. Imports nothing of ours and as little as possible: it stands between a test and every server.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys

TYPE_CHECKING = False  # typing itself would cost as much as the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

NEW_MOUNTS, NEW_USER, NEW_IPC = 0x00020000, 0x10000000, 0x08000000
BIND, PRIVATE_EVERYWHERE = 4096, 16384 | 262144
PARENT_DEATH_SIGNAL, SIGKILL = 1, 9
FAILED = 126
"""The exit code when it could not become the command; why is on stderr."""


def main(argv: Sequence[str]) -> NoReturn:
    """Never returns where all goes well."""
    split = argv.index("--")
    parent, binds, command = int(argv[0]), [word.split(":", 1) for word in argv[1:split]], argv[split + 1 :]
    libc = ctypes.CDLL(None, use_errno=True)
    if binds:
        _own_mounts(libc)
        for source, target in binds:
            if os.path.exists(target):
                paths = os.fsencode(source), os.fsencode(target)
                _call(libc.mount, f"lay {source} over {target}", *paths, None, BIND, None)
    # After the namespaces: becoming another user's equal clears it.
    _call(libc.prctl, "ask to die with the runner", PARENT_DEATH_SIGNAL, SIGKILL)
    if os.getppid() != parent:
        sys.exit("the runner has ended")
    os.execvp(command[0], list(command))


def _own_mounts(libc: ctypes.CDLL) -> None:
    # System V's shared memory outlives whoever is killed; in a namespace of its own it goes with its last process.
    if libc.unshare(NEW_MOUNTS | NEW_IPC) != 0:
        if ctypes.get_errno() != errno.EPERM:
            _fail("make a mount namespace")
        user, group = os.geteuid(), os.getegid()
        _call(libc.unshare, "make a user namespace", NEW_USER | NEW_MOUNTS | NEW_IPC)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    _call(libc.mount, "keep mounts to itself", b"none", b"/", None, PRIVATE_EVERYWHERE, None)


def _call(function: Callable[..., int], what: str, *arguments: object) -> None:
    if function(*arguments) != 0:
        _fail(what)


def _fail(what: str) -> NoReturn:
    raise OSError(ctypes.get_errno(), f"cannot {what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        print(f"launch: {error.strerror or error}", file=sys.stderr)
        sys.exit(FAILED)
