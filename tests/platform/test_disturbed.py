"""Somebody else pauses, kills or removes what a trial runs on: a harness error, never a verdict on the lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest

from lockquake.judge import judge
from lockquake.plan import build
from lockquake.testing import HarnessFailure
from nuclei.platforms.docker import DockerPlatform

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "redis-set-nx-px@redis-single"
LIMIT = 30.0


class Outsider(threading.Thread):
    """Waits until the clients of the next trial are ready, then acts on one of its containers."""

    def __init__(self, log: list[str], container: str, act: Callable[[Any], None]) -> None:
        super().__init__()
        self.log, self.container, self.act, self.error = log, container, act, ""
        self.seen = len(log)

    def run(self) -> None:
        deadline = time.monotonic() + LIMIT
        while not any("clients ready" in line for line in self.log[self.seen :]):
            if time.monotonic() > deadline:
                self.error = "the clients never became ready"
                return
            time.sleep(0.02)
        client = docker.from_env()
        try:
            self.act(client.containers.get(self.container))
        finally:
            client.close()


def pause_a_while(container: Any) -> None:
    container.pause()
    time.sleep(1.0)  # how long it stands still: longer than the observer's patience
    container.unpause()


@pytest.mark.parametrize(
    ("node", "act"),
    [
        ("redis-1", lambda container: container.remove(force=True)),
        ("redis-1", pause_a_while),
        ("redis-1", lambda container: container.restart(timeout=0)),
        ("proxy", lambda container: container.kill()),
        ("proxy", pause_a_while),
    ],
    ids=["removed", "paused", "restarted", "proxy killed", "proxy paused"],
)
def test_it_is_a_harness_error(lockquake: Lockquake, node: str, act: Callable[[Any], None]) -> None:
    platform = lockquake.bench.rigs.rig(build(NUCLEUS)).platform
    assert isinstance(platform, DockerPlatform)
    outsider = Outsider(lockquake.bench.log, f"lockquake-{platform.run_id}-{node}", act)
    outsider.start()
    with pytest.raises(HarnessFailure, match="and not by this trial") as caught:
        lockquake.run(NUCLEUS)
    outsider.join()
    assert not outsider.error
    directory = str(caught.value).rpartition("run directory ")[2].rstrip(")")
    judgement = judge(Path(directory))
    assert judgement.status == "harness error"
    assert not any(verdict.validity == "invalid" for verdict in judgement.verdicts)
