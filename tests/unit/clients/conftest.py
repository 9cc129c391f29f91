"""Client processes for tests: started with what a test asks for, ended and looked for afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from client_bench import SCRIPTED, Start, configured

from histories.read import read_rows
from histories.rows import AnyRow
from nuclei.clients.process import ClientProcess
from nuclei.platforms.signals import state


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a client; it is ready when the call returns. Afterwards no process and no thread of it is left."""
    started: list[ClientProcess] = []

    def one(client: str = "c1", *, ready: bool = True, lock: str = SCRIPTED, **settings: Any) -> ClientProcess:
        process = ClientProcess(configured(tmp_path, client, lock, **settings), tmp_path)
        started.append(process)
        if ready:
            process.ready()
        return process

    yield one
    for process in started:
        process.end()
    assert [process.pid for process in started if state(process.pid) not in {"", "Z"}] == []
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("client-")] == []


@pytest.fixture
def rows(tmp_path: Path) -> Callable[..., list[AnyRow]]:
    """The rows on disk of a client, in file order."""

    def of(client: str = "c1") -> list[AnyRow]:
        remarks: list[str] = []
        found = read_rows(tmp_path / f"{client}.jsonl", remarks)
        assert remarks == []
        return found

    return of
