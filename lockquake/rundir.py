"""Run directories: one per trial, with everything that is needed to judge it again and to run it again."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
from pathlib import Path

from faults.grammar import BadArgument
from histories.read import PARTS

DEFAULT_ROOT = Path("runs")


class RunDirectory:
    """``runs/<time>-<what>/``: plan.json, lock/ (a copy of a user's own), parts/, history.jsonl, verdicts.json,
    report.txt, config/, logs/."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / PARTS).mkdir(parents=True)
        (path / "logs").mkdir(exist_ok=True)
        (path / "config").mkdir(exist_ok=True)

    def part(self, writer: str) -> Path:
        """The part file of one writer."""
        return self.path / PARTS / f"{_safe(writer)}.jsonl"

    def log(self, name: str) -> Path:
        """Where the output of a node or client goes."""
        return self.path / "logs" / f"{_safe(name)}.log"

    def config(self, node: str, file: str) -> Path:
        """Where a copy of a node's configuration file goes."""
        directory = self.path / "config" / _safe(node)
        directory.mkdir(exist_ok=True)
        return directory / _safe(Path(file).name)


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.@+'-]", "-", text)


def batch_directory(root: Path, slug: str) -> Path:
    """A fresh directory name under ``root``: sorted by time, unique across processes. Only ``root`` is created, and
    written to, so that a place that cannot be written is seen before anything is started.

    Raises BadArgument."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root) as probe:
            probe.write(b"lockquake")
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadArgument(
            f"cannot write run directories under {root} ({reason}); name another place with --runs"
        ) from error
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    return root / f"{stamp}-{secrets.token_hex(4)}-{_safe(slug)}"


def link_latest(root: Path, target: Path) -> None:
    """Point ``root/latest`` at ``target``, atomically; a file system without links is no reason to fail a trial."""
    link = root / "latest"
    fresh = root / f".latest-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        fresh.symlink_to(os.path.relpath(target, root))
        fresh.replace(link)
    except OSError:
        fresh.unlink(missing_ok=True)
