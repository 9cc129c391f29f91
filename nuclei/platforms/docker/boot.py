"""What a node's container starts with, so that it can be started again as if it were new.

Files are written into the stopped container (put_archive); nothing can be deleted from there, so the small shell
script below empties the data directories itself when it finds the mark, and then becomes the server.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence

from nuclei.platforms.base import NODE_DATA, NODE_HOME

_MARK = f"{NODE_HOME}/pristine"
_SCRIPT = f"""
if [ -e {_MARK} ]; then rm -rf {NODE_DATA} {_MARK}; fi
mkdir -p {NODE_DATA} && cd {NODE_DATA} && exec "$@"
"""


def entrypoint() -> list[str]:
    """The container's entry point; the server's argv follows as the command."""
    return ["/bin/sh", "-c", _SCRIPT, "boot"]


def pristine_archive(files: Mapping[str, str]) -> bytes:
    """A tar archive for ``/`` with the original files and the mark."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, text in (*files.items(), (_MARK, "")):
            data = text.encode()
            info = tarfile.TarInfo(path.lstrip("/"))
            info.size = len(data)
            info.mode = 0o644
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def tail(log: str, lines: int = 15) -> str:
    """The last lines of a log, for an error's text."""
    return "\n".join(log.rstrip().splitlines()[-lines:]) or "(it printed nothing)"


def argv(command: Sequence[str]) -> list[str]:
    """The command as Docker wants it."""
    return [str(part) for part in command]
