"""What every node was started with, written down for people: its files and its command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nuclei.platforms.base import NodeSpec


def write_config(nodes: Iterable[NodeSpec], directory: Path) -> None:
    """``directory``/NODE/ gets the node's files by their names and its command line as ``command``."""
    for node in nodes:
        home = directory / node.name
        home.mkdir(parents=True, exist_ok=True)
        (home / "command").write_text(" ".join(node.command) + "\n", encoding="utf-8")
        for path, text in node.files.items():
            (home / Path(path).name).write_text(text, encoding="utf-8")
