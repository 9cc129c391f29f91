"""Every workload on real servers, on one platform: ``auto`` takes process here, whose servers start anew fastest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockquake.testing import Bench


@pytest.fixture(scope="session")
def lockquake_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The plugin's own fixture with another preference."""
    from lockquake.pytest_plugin import bench_on, option
    from nuclei.platforms.choice import PLATFORMS

    platform = option(request.config, "platform")
    if platform == "auto" and PLATFORMS["process"].why_not_image("redis") is None:
        platform = "process"
    yield from bench_on(request.config, platform)
