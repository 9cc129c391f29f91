"""Configurations of client processes for tests that need no server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nuclei.clients.process import ClientProcess
from nuclei.clients.protocol import Configure
from nuclei.locks.base import Surroundings

SCRIPTED = f"{Path(__file__).with_name('scripted_lock.py')}:Scripted"

Start = Callable[..., ClientProcess]


def configured(directory: Path, client: str = "c1", lock: str = SCRIPTED, **settings: Any) -> Configure:
    """A configuration without servers; the settings are the scripted lock's."""
    surroundings = Surroundings(
        cluster="none", endpoints={}, nodes={}, settings={"directory": str(directory), **settings}
    )
    part = str(directory / f"{client}.jsonl")
    return Configure(client=client, lock=lock, key="k", surroundings=surroundings, part=part, seed=7)
