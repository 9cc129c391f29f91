"""Somebody else pauses, kills or removes what a trial runs on: a harness error, never a verdict on the lock."""

from __future__ import annotations

import os
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lockquake.judge import judge
from lockquake.plan import build
from lockquake.testing import HarnessFailure
from nuclei.platforms.base import Platform
from nuclei.platforms.process import ProcessPlatform

if TYPE_CHECKING:
    from lockquake.testing import Lockquake

NUCLEUS = "redis-set-nx-px@redis-single"
LIMIT = 30.0
SHORT = {"trial.quiet": 0.5}
"""Clients of a dead server need not be waited for."""


class Victim(ABC):
    """A node or the proxy, as somebody who is not us gets at it."""

    @abstractmethod
    def kill(self) -> None: ...

    @abstractmethod
    def pause(self) -> None: ...

    @abstractmethod
    def go_on(self) -> None: ...

    def vanish(self) -> None:
        """As thoroughly as can be."""
        self.kill()

    def close(self) -> None:  # noqa: B027 - only a daemon's client has something to close
        """Let go of it."""

    def pause_a_while(self) -> None:
        self.pause()
        time.sleep(1.0)  # how long it stands still: longer than the observer's patience
        self.go_on()


class Container(Victim):
    def __init__(self, name: str) -> None:
        import docker

        self.client = docker.from_env()
        self.container = self.client.containers.get(name)

    def kill(self) -> None:
        self.container.kill()

    def pause(self) -> None:
        self.container.pause()

    def go_on(self) -> None:
        self.container.unpause()

    def vanish(self) -> None:
        self.container.remove(force=True)

    def restart(self) -> None:
        self.container.restart(timeout=0)

    def close(self) -> None:
        self.client.close()


class Child(Victim):
    def __init__(self, home: Path) -> None:
        self.pid = int((home / "pid").read_text())

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


def victim(platform: Platform, node: str) -> Victim:
    if isinstance(platform, ProcessPlatform):
        return Child(Path(platform.place("redis-1").home).parent / node)
    return Container(f"lockquake-{platform.run_id}-{node}")  # type: ignore[attr-defined]


class Outsider(threading.Thread):
    """Waits until the clients of the next trial are ready, then acts."""

    def __init__(self, log: list[str], act: Callable[[], None]) -> None:
        super().__init__()
        self.log, self.act, self.error = log, act, ""
        self.seen = len(log)

    def run(self) -> None:
        deadline = time.monotonic() + LIMIT
        while not any("clients ready" in line for line in self.log[self.seen :]):
            if time.monotonic() > deadline:
                self.error = "the clients never became ready"
                return
            time.sleep(0.02)
        self.act()


ACTS: dict[str, tuple[str, str]] = {
    "vanished": ("redis-1", "vanish"),
    "paused": ("redis-1", "pause_a_while"),
    "restarted": ("redis-1", "restart"),
    "proxy killed": ("proxy", "kill"),
    "proxy paused": ("proxy", "pause_a_while"),
}


@pytest.mark.parametrize(("node", "act"), list(ACTS.values()), ids=list(ACTS))
def test_it_is_a_harness_error(lockquake: Lockquake, node: str, act: str) -> None:
    disturbed = victim(lockquake.bench.rigs.rig(build(NUCLEUS, platform=lockquake.bench.wanted)).platform, node)
    if not hasattr(disturbed, act):
        pytest.skip("only a daemon that others can speak to as well does that")
    outsider = Outsider(lockquake.bench.log, getattr(disturbed, act))
    outsider.start()
    with pytest.raises(HarnessFailure, match="and not by this trial") as caught:
        lockquake.run(NUCLEUS, settings=SHORT)
    outsider.join()
    disturbed.close()
    assert not outsider.error
    directory = str(caught.value).rpartition("run directory ")[2].rstrip(")")
    judgement = judge(Path(directory))
    assert judgement.status == "harness error"
    assert not any(verdict.validity == "invalid" for verdict in judgement.verdicts)
