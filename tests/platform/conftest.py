"""Real clusters for the tests of platforms and topologies, on every platform: each started once, reset before every
test.

A test that asks for a cluster runs once per platform; a module about one of them names it in its constant PLATFORMS.
Where a platform cannot run here its tests are skipped with the reason. Every test also checks that it left no thread
behind; at a platform's end nothing of its runs may be left.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cluster_stage import Stage

    from lockquake.testing import Bench

NEEDED = {"docker": ("redis", "toxiproxy"), "process": ("redis",)}
"""What each platform cannot do without: the ledger of every cluster is a Redis."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "platform_name" in metafunc.fixturenames:
        names = getattr(metafunc.module, "PLATFORMS", tuple(NEEDED))
        metafunc.parametrize("platform_name", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def platform_name(request: pytest.FixtureRequest) -> str:
    """The platform of a test; ``--lockquake-platform`` picks one."""
    from lockquake.pytest_plugin import option
    from nuclei.platforms.choice import AUTO, PLATFORMS

    name, wanted = str(request.param), option(request.config, "platform")
    if wanted not in {AUTO, name}:
        pytest.skip(f"platform {wanted} was asked for")
    for image in NEEDED[name]:
        if reason := PLATFORMS[name].why_not_image(image):
            pytest.skip(reason)
    return name


@pytest.fixture(scope="session")
def started(platform_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stage]]:
    """Clusters by name; skips where servers or images are missing, naming the command that brings them."""
    from cluster_stage import SITES, Stage
    from remains import remains_of

    from nuclei import registry
    from nuclei.platforms.base import Unsupported
    from nuclei.platforms.choice import PLATFORMS
    from nuclei.platforms.images import ImageMissing

    stages: dict[str, Stage] = {}
    with ExitStack() as stack:

        def start(name: str) -> Stage:
            if name not in stages:
                platform = stack.enter_context(PLATFORMS[platform_name].make())
                cluster = registry.cluster(name).make(platform, dict(registry.cluster(name).defaults))
                try:
                    platform.start(cluster.wiring(SITES), tmp_path_factory.mktemp(name), lambda text: None)
                except (ImageMissing, Unsupported) as error:
                    pytest.skip(str(error))
                cluster.ready()
                stages[name] = Stage(platform, cluster)
            return stages[name]

        yield start
        looks = [remains_of(stage.platform) for stage in stages.values()]
    assert [left for look in looks for left in look()] == []


@pytest.fixture
def no_new_threads() -> Iterator[None]:
    """Fails a test that leaves a thread behind (a pool that is kept for the session, and the one thread that spawns
    children, apart)."""
    before = set(threading.enumerate())
    yield
    # A start gives a sweep of what a dead run left 5 s, and lets it end by itself within another 10.
    deadline = time.monotonic() + 12.0
    while (left := [t.name for t in set(threading.enumerate()) - before if not _is_kept(t)]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.02)
    assert left == []


def _is_kept(thread: threading.Thread) -> bool:
    return thread.name.startswith("links") or thread.name == "lockquake-spawner"


def _staged(name: str, started: Callable[[str], Stage]) -> Stage:
    from cluster_stage import KEY

    stage = started(name)
    stage.cluster.reset(KEY)
    return stage


@pytest.fixture
def single(started: Callable[[str], Stage], no_new_threads: None) -> Stage:
    """``redis-single``, just reset."""
    return _staged("redis-single", started)


@pytest.fixture
def sentinel(started: Callable[[str], Stage], no_new_threads: None) -> Stage:
    """``redis-sentinel``, just reset."""
    return _staged("redis-sentinel", started)


@pytest.fixture
def ensemble(started: Callable[[str], Stage], no_new_threads: None) -> Stage:
    """``zookeeper``, just reset."""
    return _staged("zookeeper", started)


@pytest.fixture(scope="session")
def lockquake_bench(platform_name: str, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The plugin's own fixture, once per platform."""
    from lockquake.pytest_plugin import bench_on

    yield from bench_on(request.config, platform_name)
