"""Sweeping against a daemon that is busy, slow or swept by somebody else at the same time."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from docker.errors import APIError, NotFound

from nuclei.platforms import sweep
from nuclei.platforms.sweep import SweepReport, sweep_run


class Thing:
    """A container, network or volume that answers a removal with each of ``answers`` in turn, then goes."""

    def __init__(self, name: str, log: list[str], answers: list[Exception] | None = None) -> None:
        self.attrs: dict[str, Any] = {"Name": name, "Labels": {"lockquake.run": "r"}, "Containers": {"c9": {}}}
        self.id, self.log, self.answers = name, log, list(answers or [])

    def remove(self, **_: object) -> None:
        self.log.append(f"remove {self.id}")
        if self.answers:
            raise self.answers.pop(0)

    def reload(self) -> None:
        pass

    def disconnect(self, container: str, force: bool) -> None:
        self.log.append(f"disconnect {container} from {self.id}")


class Collection:
    def __init__(self, things: list[Thing]) -> None:
        self.things = things

    def list(self, **_: object) -> list[Thing]:
        return self.things


class Daemon:
    def __init__(self, containers: list[Thing], networks: list[Thing], volumes: list[Thing]) -> None:
        self.containers, self.networks, self.volumes = map(Collection, (containers, networks, volumes))


def swept(daemon: Daemon, seconds: float = 20.0) -> SweepReport:
    return sweep_run(daemon, "r", seconds)  # type: ignore[arg-type]


def test_networks_and_volumes_go_after_containers() -> None:
    log: list[str] = []
    report = swept(Daemon([Thing("c1", log), Thing("c2", log)], [Thing("n1", log)], [Thing("v1", log)]))
    assert sorted(log[:2]) == ["remove c1", "remove c2"]
    assert log[2:] == ["remove n1", "remove v1"]
    assert report == SweepReport(("c1", "c2"), ("n1",), ("v1",))
    assert str(report) == "2 containers, 1 network, 1 volume"


def test_what_somebody_else_removes_counts_as_swept() -> None:
    log: list[str] = []
    busy, gone = APIError("409: removal of container c1 is already in progress"), NotFound("404")
    report = swept(Daemon([Thing("c1", log, [busy, gone]), Thing("c2", log, [gone])], [], []))
    assert report == SweepReport(("c1", "c2"))


def test_endpoints_are_disconnected_when_a_network_is_in_use() -> None:
    log: list[str] = []
    report = swept(Daemon([], [Thing("n1", log, [APIError("403: has active endpoints")])], []))
    assert log == ["remove n1", "disconnect c9 from n1", "remove n1"]
    assert report.problems == ()


def test_what_will_not_go_is_named_and_the_rest_goes() -> None:
    log: list[str] = []
    stubborn = Thing("c1", log, [APIError("500: driver failed")] * 50)
    report = swept(Daemon([stubborn, Thing("c2", log)], [Thing("n1", log)], []), seconds=0.3)
    assert report.containers == ("c2",)
    assert report.networks == ("n1",)
    assert len(report.problems) == 1
    assert "c1 was not removed" in report.problems[0]


def test_a_daemon_that_hangs_does_not_hold_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    hanging = Thing("c1", [])
    monkeypatch.setattr(hanging, "remove", lambda **_: release.wait(20))
    began = time.monotonic()
    report = swept(Daemon([hanging], [], []), seconds=0.2)
    release.set()
    assert time.monotonic() - began < 5
    assert report.problems == ("c1 was not removed in time; run `lockquake doctor --clean`",)


def test_nothing_to_do_is_false() -> None:
    assert not SweepReport()
    assert str(SweepReport()) == "nothing"
    assert SweepReport(workers=(7, 8))
    assert str(SweepReport(workers=(7, 8))) == "2 worker processes"
    assert sweep.sweep_everything_dead(None).containers == ()
