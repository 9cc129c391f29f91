"""Stages for the tests of locks, taken down afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis_key import PlayedKey, lock_on
from redis_stage import Stage

from nuclei.locks.base import Lock


@pytest.fixture
def stage() -> Iterator[Callable[..., Stage]]:
    """Make a scripted Redis server."""
    made: list[Stage] = []

    def make(*arguments: object, **named: object) -> Stage:
        made.append(Stage(*arguments, **named))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def connected() -> Iterator[Callable[..., Lock]]:
    """Make a connected lock against a scripted Redis server: (server, name, client="c1", **settings)."""
    made: list[Lock] = []

    def make(server: Stage, name: str, client: str = "c1", **settings: float | bool) -> Lock:
        made.append(lock_on(server, name, client, **settings))
        made[-1].connect()
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def key() -> PlayedKey:
    """What the scripted server holds."""
    return PlayedKey()


@pytest.fixture
def make(
    request: pytest.FixtureRequest, key: PlayedKey, stage: Callable[..., Stage], connected: Callable[..., Lock]
) -> Callable[..., Lock]:
    """Make a lock of the name that the test's module gives as ``NAME``, on that one key: (client="c1", **settings)."""
    server = stage(key.play)
    name: str = request.module.NAME
    return lambda client="c1", **settings: connected(server, name, client, **settings)
