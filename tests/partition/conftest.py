"""The suite on every platform of this machine: in this checkout ``auto`` means both.

The test files are what users copy; they know nothing of this. ``--lockquake-platform process`` still means only that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockquake.testing import Bench


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "lockquake_bench" in metafunc.fixturenames:
        from lockquake.pytest_plugin import option

        wanted = option(metafunc.config, "platform")
        names = ("docker", "process") if wanted == "auto" else (wanted,)
        metafunc.parametrize("lockquake_bench", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def lockquake_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The plugin's own fixture, on one platform after the other; skips where ``auto`` would not have taken it."""
    from lockquake.pytest_plugin import bench_on, option

    if option(request.config, "platform") == "auto" and (reason := _why_not(request.param)):
        pytest.skip(reason)
    yield from bench_on(request.config, request.param)


def _why_not(platform: str) -> str | None:
    """Why ``auto`` would not take a platform for this suite, None where it could."""
    from lockquake.support import choose_for
    from nuclei import registry
    from nuclei.platforms.choice import PLATFORMS

    if platform == "docker":
        choice = choose_for("auto", registry.clusters())
        return None if choice.name == "docker" else choice.why
    return PLATFORMS[platform].why_not()
