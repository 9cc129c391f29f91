"""The life of a fault, with fake clients and a fake fault: who is held, who is let go, healing exactly once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from faults import drive as drive_module
from faults.arena import Arena, NotExercised
from faults.base import FaultFamily
from faults.drive import FaultDrive
from faults.families import FAMILIES
from faults.linger import Linger
from faults.schedule import read_fault
from faults.watch import Interrupted, ViolationSeen, Watch
from histories.read import lines_of
from histories.rows import Call, Client, Leave, Return
from histories.write import PartWriter
from nuclei.clients.protocol import At, Go, Hold, Request
from nuclei.platforms.base import HarnessError


class FakeClient:
    """A client that comes to a barrier as soon as one is set at a point it passes."""

    def __init__(self, passes: set[str]) -> None:
        self.passes = passes
        self.sent: list[Request] = []
        self.alive = True
        self.reports: list[At] = []
        self.client, self.pid = "", 0

    def send(self, request: Request) -> None:
        self.sent.append(request)
        if isinstance(request, Hold) and request.times and request.point in self.passes:
            self.reports.append(At(t=0, point=request.point, attempt="a"))

    def stands_at(self, point: str) -> At | None:
        return next((report for report in self.reports if report.point == point), None)


class FakeFault(FaultFamily):
    name = "fake"
    marker = "pause"
    summary = "does nothing"
    parameters = {"for": ("0s", "")}
    lingers = "not"
    events: list[str] = []
    fail_at = ""

    def prepare(self) -> None:
        self._do("prepare")

    def inject(self, trigger: str | None) -> str:
        self.targets = [str(trigger)]
        self._do(f"inject {trigger}")
        return "seen"

    def heal(self) -> str:
        self._do("heal")
        return "gone"

    def _do(self, what: str) -> None:
        self.events.append(what)
        if self.fail_at and what.startswith(self.fail_at):
            raise HarnessError(f"{what} failed")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeFault]:
    monkeypatch.setitem(FAMILIES, "fake", FakeFault)
    monkeypatch.setattr(FakeFault, "events", [])
    monkeypatch.setattr(drive_module, "TRIGGER_LIMIT", 0.2)
    return FakeFault


class FakeLookout:
    """Finds what it is told to have found."""

    found: str | None = None

    def feed(self, row: object) -> None: ...

    def settled(self, t: int) -> str | None:
        return self.found


class Stage:
    """An arena with fake clients, and what was written."""

    def __init__(self, path: Path, **clients: FakeClient) -> None:
        self.lookout = FakeLookout()
        self.path = path
        self.stop = threading.Event()
        self.clients = clients
        self.writer = PartWriter(path)
        self.arena = Arena(
            cluster=None,  # type: ignore[arg-type]
            clients=clients,  # type: ignore[arg-type]
            sites={name: name for name in clients},
            watch=Watch(self.stop, self.lookout),
            writer=self.writer,
            random=random.Random(0),
            key="k",
            lapse=0.5,
            lease=0.5,
        )

    def states(self) -> list[str]:
        rows: list[dict[str, Any]] = [msgspec.json.decode(line) for _, line in lines_of(self.path, [])]
        return [row["state"] for row in rows if row["row"] == "fault"]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path / "rows.jsonl", c1=FakeClient(set()), c2=FakeClient({"granted", "before-release"}))
    yield stage
    stage.writer.close()


def test_whoever_comes_first_is_held_until_the_fault_is_in_force(fake: type[FakeFault], stage: Stage) -> None:
    FaultDrive("f1", read_fault("fake"), stage.arena).run()
    assert fake.events == ["prepare", "inject c2", "heal"]
    assert stage.states() == ["asked", "proven", "heal-asked", "healed"]
    assert stage.clients["c2"].sent == [Hold(point="granted"), Go()]
    assert stage.clients["c1"].sent == [Hold(point="granted"), Hold(point="granted", times=0)]


def test_a_named_client_alone_triggers(fake: type[FakeFault], stage: Stage) -> None:
    with pytest.raises(NotExercised, match="no client reached 'granted'"):
        FaultDrive("f1", read_fault("fake:client=c1"), stage.arena).run()
    assert "inject" not in " ".join(fake.events)
    assert stage.clients["c2"].sent == []


def test_a_fault_that_was_prepared_is_healed_even_if_its_trigger_never_came(
    fake: type[FakeFault], stage: Stage
) -> None:
    drive = FaultDrive("f1", read_fault("fake:at=told"), stage.arena)
    with pytest.raises(NotExercised):
        drive.run()
    drive.heal()
    drive.heal()
    assert fake.events == ["prepare", "heal"]
    assert stage.states() == [], "it never took place"


def test_a_fault_that_cannot_be_proven_is_healed_once(
    fake: type[FakeFault], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "fail_at", "inject")
    drive = FaultDrive("f1", read_fault("fake"), stage.arena)
    with pytest.raises(HarnessError):
        drive.run()
    drive.heal()
    drive.heal()
    assert fake.events.count("heal") == 1
    assert stage.states() == ["asked", "heal-asked", "healed"]


def test_a_heal_that_fails_is_in_the_history(
    fake: type[FakeFault], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "fail_at", "heal")
    with pytest.raises(HarnessError, match="heal failed"):
        FaultDrive("f1", read_fault("fake"), stage.arena).run()
    assert stage.states()[-1] == "unhealed"


def test_a_fault_by_time_holds_nobody(fake: type[FakeFault], stage: Stage) -> None:
    FaultDrive("f1", read_fault("fake:at=1ms"), stage.arena).run()
    assert fake.events == ["prepare", "inject None", "heal"]
    assert all(not client.sent for client in stage.clients.values())


def test_stop_interrupts_the_wait_and_healing_is_left_to_the_caller(fake: type[FakeFault], stage: Stage) -> None:
    stage.stop.set()
    drive = FaultDrive("f1", read_fault("fake"), stage.arena)
    with pytest.raises(Interrupted):
        drive.run()
    drive.heal()
    assert fake.events == ["prepare", "heal"]


def test_a_violation_seen_before_the_trigger_comes_ends_the_wait(fake: type[FakeFault], stage: Stage) -> None:
    stage.lookout.found = "two were inside"
    drive = FaultDrive("f1", read_fault("fake:at=told"), stage.arena)
    with pytest.raises(ViolationSeen, match="two were inside"):
        drive.run()
    drive.heal()
    assert fake.events == ["prepare", "heal"]
    assert stage.states() == []


def test_a_violation_seen_meanwhile_waits_until_the_fault_is_in_force(
    fake: type[FakeFault], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inject(fault: FakeFault, trigger: str | None) -> str:
        stage.lookout.found = "two were inside"
        stage.arena.watch.sleep(0.001)
        return "seen"

    monkeypatch.setattr(fake, "inject", inject)
    drive = FaultDrive("f1", read_fault("fake:for=30s"), stage.arena)
    with pytest.raises(ViolationSeen):
        drive.run()
    assert stage.states() == ["asked", "proven"]
    drive.heal()
    assert stage.states() == ["asked", "proven", "heal-asked", "healed"]


def test_a_heal_is_not_torn_apart_by_a_violation(
    fake: type[FakeFault], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def heal(fault: FakeFault) -> str:
        stage.lookout.found = "two were inside"
        stage.arena.watch.sleep(0.001)
        return "gone"

    monkeypatch.setattr(fake, "heal", heal)
    FaultDrive("f1", read_fault("fake"), stage.arena).run()
    assert stage.states()[-1] == "healed"
    with pytest.raises(ViolationSeen):
        stage.arena.watch.check()
    stage.arena.watch.check()


def test_the_lookout_is_told_of_kills_as_well(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(stage.lookout, "feed", told.append)
    stage.clients["c1"].client, stage.clients["c1"].pid = "c1.2", 7
    stage.arena.record_client("c1", "killed", 12)
    assert told == [Client(t=12, client="c1.2", state="killed", pid=7)]


def test_a_holder_lingers_within_its_lease_until_somebody_joins_it(
    fake: type[FakeFault], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "lingers", "within-lease")
    watch = stage.arena.watch
    watch.feed("c2", Return(t=1, client="c2", call=1, op="acquire", lock="k", attempt="a", outcome="ok"))
    FaultDrive("f1", read_fault("fake"), stage.arena).run()
    barrier, stay, *rest = stage.clients["c2"].sent
    assert isinstance(barrier, Hold)
    assert isinstance(stay, Hold)
    assert (barrier.point, barrier.seconds) == ("granted", 0.4)
    assert stay.point == "before-release"
    assert 0 < (stay.seconds or 0) < barrier.seconds
    assert rest == [Go(), Hold(point="before-release", times=0)]


def test_whoever_is_paused_at_the_barrier_stands_there_until_it_is_healed(
    fake: type[FakeFault], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "lingers", "once-healed")
    monkeypatch.setattr(drive_module, "AFTER_HEAL", 0.05)
    FaultDrive("f1", read_fault("fake"), stage.arena).run()
    assert stage.clients["c2"].sent[0] == Hold(point="granted")


@pytest.mark.parametrize(
    ("left", "leased", "seconds", "least", "most"),
    [
        (0.1, True, 30.0, 0.05, 20.0),
        (30.0, True, 0.2, 0.2, 20.0),
        (0.0, True, 0.2, 0.2, 20.0),
        (0.1, False, 0.3, 0.3, 20.0),
    ],
)
def test_a_resumed_holder_stays_within_a_lease_that_is_still_alive(
    stage: Stage, left: float, leased: bool, seconds: float, least: float, most: float
) -> None:
    watch, client, now = stage.arena.watch, stage.clients["c2"], time.monotonic()
    watch.feed("c2", Return(t=1, client="c2", call=1, op="acquire", lock="k", attempt="a", outcome="ok"))
    linger = Linger("c2", client, watch, now, now + left)  # type: ignore[arg-type]
    linger.while_alone(seconds, leased=leased)
    assert least <= time.monotonic() - now < most


@pytest.mark.parametrize("shared", [False, True])
def test_who_shares_a_lock_by_right_does_not_end_a_holders_stay(stage: Stage, shared: bool) -> None:
    watch, client = stage.arena.watch, stage.clients["c2"]
    since = time.monotonic()
    for name in ("c2", "c1"):
        later = time.monotonic_ns() + 1_000_000
        watch.feed(name, Return(t=later, client=name, call=1, op="acquire", lock="k", attempt=name, outcome="ok"))
    linger = Linger("c2", client, watch, since, since + 30, shared=shared)  # type: ignore[arg-type]
    linger.until_joined(time.monotonic() + 0.01)
    let_go = Hold(point="before-release", times=0) in client.sent
    assert let_go != shared
    linger.end()


def test_watch_knows_who_is_inside_and_who_has_tried() -> None:
    watch = Watch(threading.Event())
    watch.feed("c1", Call(t=10, client="c1", call=1, op="acquire", lock="k", attempt="a"))
    assert watch.untried_since(5, ["c1"]) == ["c1"], "it has not come back"
    watch.feed("c1", Return(t=20, client="c1", call=1, op="acquire", lock="k", attempt="a", outcome="ok"))
    assert watch.inside() == ["c1"]
    assert watch.untried_since(5, ["c1", "c2"]) == ["c2"]
    assert watch.untried_since(10, ["c1"]) == ["c1"], "the attempt must have begun after"
    assert watch.granted_since(19) == "c1"
    assert watch.joined_since(0, "c1") is None
    watch.feed("c1", Call(t=30, client="c1", call=2, op="release", lock="k", attempt="a"))
    assert watch.inside() == []


def test_watch_tells_locks_apart() -> None:
    watch = Watch(threading.Event())
    for t, client, lock in ((10, "c1", "north"), (20, "c1", "south"), (30, "c2", "west"), (40, "c3", "south")):
        watch.feed(client, Return(t=t, client=client, call=t, op="acquire", lock=lock, attempt=f"{t}", outcome="ok"))
    assert watch.joined_since(25, "c1") == "c3", "c2 took a lock that c1 has nothing to do with"
    watch.feed("c1", Call(t=50, client="c1", call=50, op="release", lock="south", attempt="20"))
    assert watch.joined_since(25, "c1") is None
    assert watch.inside() == ["c1", "c2", "c3"]
    watch.feed("c1", Leave(t=60, client="c1", lock="north", attempt="10", why="told"))
    assert watch.inside() == ["c2", "c3"]
