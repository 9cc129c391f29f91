"""Stages for the tests of locks, taken down afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis_stage import Stage


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
