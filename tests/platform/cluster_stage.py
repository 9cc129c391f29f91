"""A started cluster for tests: what they ask it, and waiting for what they want to see."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from histories.read import read_rows
from histories.rows import Role, Server
from histories.write import PartWriter
from nuclei.clusters.base import Cluster, Observer
from nuclei.platforms.docker import DockerPlatform
from nuclei.platforms.process import ProcessPlatform

KEY = "orders"
SITES = ("c1", "c2")
Seen = TypeVar("Seen")


def until(look: Callable[[], Seen | None], seconds: float = 15.0) -> Seen:
    """What ``look`` gives once it gives something true; fails with the last it gave after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not seen within {seconds} s; last: {seen!r}"
        time.sleep(0.02)
    return seen


@dataclass
class Stage:
    """A platform with one cluster on it."""

    platform: DockerPlatform | ProcessPlatform
    cluster: Cluster

    def between(self, *pairs: tuple[str, str]) -> list[str]:
        """Names of all links between two ends, either way."""
        ends = {frozenset(pair) for pair in pairs}
        links = self.platform.links.links.values()
        return [link.name for link in links if frozenset((link.source, link.target)) in ends]

    def around(self, *inside: str) -> list[str]:
        """Names of all links between these nodes or sites and everybody else."""
        links = self.platform.links.links.values()
        return [link.name for link in links if (link.source in inside) != (link.target in inside)]


class Watched:
    """An observer at work, and the rows it wrote."""

    def __init__(self, stage: Stage, directory: Path) -> None:
        self.path = directory / "observer.jsonl"
        self.writer = PartWriter(self.path)
        self.observer: Observer = stage.cluster.observer(KEY, self.writer)

    def __enter__(self) -> Watched:
        self.observer.start()
        return self

    def __exit__(self, *_: object) -> None:
        began = time.monotonic()
        self.observer.stop()
        self.writer.close()
        assert time.monotonic() - began < 10.0

    def rows(self) -> list[Any]:
        return read_rows(self.path, [])

    def server(self, **wanted: object) -> list[Server]:
        """Server rows with these values."""
        return [row for row in self.rows() if isinstance(row, Server) and _has(row, wanted)]

    def role(self, **wanted: object) -> list[Role]:
        """Role rows with these values."""
        return [row for row in self.rows() if isinstance(row, Role) and _has(row, wanted)]


def _has(row: object, wanted: dict[str, object]) -> bool:
    return all(getattr(row, name) == value for name, value in wanted.items())
