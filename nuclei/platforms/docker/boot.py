"""What a node's container runs first: a small shell that starts the server, and can start it again as if it were new.

Process 1 is the shell, the server its child: ``docker kill`` kills both, and when the server ends by itself the
container ends with its exit code. Only when the mark of a pristine start is there does the shell go on instead: it
empties the data directory, brings the original files back (Sentinel and Redis rewrite theirs) and starts the server
anew. That takes milliseconds where stopping and starting a container takes half a second, which is what a reset
between two trials costs.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable

HOME = "/lockquake"
"""Where a node's own files live in its container."""
FILES_VARIABLE = "LOCKQUAKE_FILES"
PID_FILE = f"{HOME}/pid"
_DATA = f"{HOME}/data"
_MARK = f"{HOME}/pristine"
_ORIGINAL = f"{HOME}/original"

_BOOT = f"""
if [ ! -d {_ORIGINAL} ]; then
    mkdir -p {_ORIGINAL}
    for file in ${FILES_VARIABLE}; do mkdir -p "{_ORIGINAL}${{file%/*}}" && cp "$file" "{_ORIGINAL}$file"; done
fi
while :; do
    if [ -e {_MARK} ]; then rm -rf {_DATA} {_MARK} && cp -R {_ORIGINAL}/. /; fi
    mkdir -p {_DATA} && cd {_DATA}
    "$@" &
    echo $! >{PID_FILE}
    wait $!
    code=$?
    if [ ! -e {_MARK} ]; then exit $code; fi
done
"""

# Answers each line of its stdin with the new server's process id. It only waits for the file to change, at most 5 s.
_RENEW = f"""
while read -r line; do
    old=$(cat {PID_FILE})
    : >{_MARK}
    kill -9 "$old"
    tries=0
    new=$old
    # Empty for an instant: the first process truncates the file before it writes the new id.
    while [ -z "$new" ] || [ "$new" = "$old" ]; do
        [ $tries -lt 500 ] || break
        sleep 0.01; tries=$((tries + 1)); new=$(cat {PID_FILE})
    done
    echo "$old $new"
done
"""


def entrypoint() -> list[str]:
    """The container's entry point; the server's argv follows as the command."""
    return ["/bin/sh", "-c", _BOOT, "boot"]


def environment(files: Iterable[str]) -> dict[str, str]:
    """Tells the shell which files to keep originals of (absolute paths without blanks)."""
    return {FILES_VARIABLE: " ".join(files)}


def renewer() -> list[str]:
    """A command for a pipe: for every line it is sent it kills the server for a pristine start and answers with the
    process ids before and after."""
    return ["/bin/sh", "-c", _RENEW, "renew"]


def mark() -> bytes:
    """A tar archive for ``/`` that makes the next start of a stopped container a pristine one."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(_MARK.lstrip("/")))
    return buffer.getvalue()


def tail(log: str, lines: int = 15) -> str:
    """The last lines of a log, for an error's text."""
    return "\n".join(log.rstrip().splitlines()[-lines:]) or "(it printed nothing)"
