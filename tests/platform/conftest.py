"""Real clusters for the tests of platforms and topologies: each started once, reset before every test.

Every test also checks that it left no thread behind; the session checks that no container and no network stayed.
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


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stage]]:
    """Clusters by name; skips where the daemon or an image is missing, naming the command that brings it."""
    from cluster_stage import SITES, Stage, left_behind

    from nuclei import registry
    from nuclei.platforms.docker import DockerPlatform
    from nuclei.platforms.docker_daemon import DaemonUnavailable
    from nuclei.platforms.images import ImageMissing

    stages: dict[str, Stage] = {}
    with ExitStack() as stack:

        def start(name: str) -> Stage:
            if name not in stages:
                try:
                    platform = stack.enter_context(DockerPlatform())
                    cluster = registry.cluster(name).make(platform, dict(registry.cluster(name).defaults))
                    platform.start(cluster.wiring(SITES), tmp_path_factory.mktemp(name), lambda text: None)
                except (DaemonUnavailable, ImageMissing) as error:
                    pytest.skip(str(error))
                cluster.ready()
                stages[name] = Stage(platform, cluster)
            return stages[name]

        yield start
        runs = [stage.platform.run_id for stage in stages.values()]
    assert left_behind(runs) == []


@pytest.fixture
def no_new_threads() -> Iterator[None]:
    """Fails a test that leaves a thread behind (a pool that is kept for the session apart)."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 2.0
    while (left := [t.name for t in set(threading.enumerate()) - before if not t.name.startswith("links")]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.02)
    assert left == []


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
