"""A trial that ends at its first violation: real client processes, and everything else without servers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from checker.online import InsideScan
from checker.stays import Inside, Meeting
from histories.read import read
from histories.rows import Client, Fault, Trial
from lockquake import trial as trial_module
from lockquake.cli import main
from lockquake.cli import run as run_module
from lockquake.crew import Crew
from lockquake.plan import Plan, build
from lockquake.rig import Rig
from lockquake.trial import TrialResult, TrialRun
from nuclei.clients.protocol import Configure
from nuclei.locks.base import Endpoint, Surroundings
from nuclei.platforms.base import Wiring

BROKEN = "local@redis-single"
SOUND = f"{Path(__file__).parents[1] / 'clients/scripted_lock.py'}:Scripted@redis-single"
LATE = f"{Path(__file__).with_name('late_lock.py')}:Late@redis-single"
LONG = 25.0


class NoCluster:
    """There are no servers; the scripted lock is a file in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def reset(self, key: str) -> str:
        return "nothing to reset"

    def observer(self, *_: object) -> SimpleNamespace:
        return SimpleNamespace(start=lambda: None, stop=lambda: None)

    def surroundings(self, site: str, settings: Mapping[str, Any]) -> Surroundings:
        return Surroundings(cluster="none", endpoints={}, nodes={}, settings={"directory": str(self.directory)})

    def wiring(self, sites: Sequence[str]) -> Wiring:
        return Wiring(nodes=[], peers=[], served=[], sites=[])

    def problems(self) -> list[str]:
        return []

    def versions(self) -> dict[str, str]:
        return {}


class NoPlatform:
    """Nothing is started anywhere."""

    name = "none"
    links = SimpleNamespace(restore_all=lambda: None)

    def endpoint(self, site: str, node: str) -> Endpoint:
        return Endpoint("127.0.0.1", 1)

    def watch_others(self) -> None: ...

    def disturbances(self) -> list[str]:
        return []


Run = Callable[[Plan], TrialResult]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Execute a plan without servers and without a ledger."""
    configure = Crew._configure
    desk = SimpleNamespace(reset=lambda checked, counters: None, rows=list)
    monkeypatch.setattr(trial_module, "LedgerDesk", lambda endpoint: desk)
    monkeypatch.setattr(Crew, "_configure", lambda crew, name: without_ledger(configure(crew, name)))

    def one(plan: Plan) -> TrialResult:
        sites = [f"c{number}" for number in range(1, plan.clients + 1)]
        rig = SimpleNamespace(sites=sites, platform=NoPlatform(), cluster=NoCluster(tmp_path))
        return TrialRun(plan, cast(Rig, rig), tmp_path / "run", threading.Event(), lambda text: None).execute()

    return one


def without_ledger(message: Configure) -> Configure:
    return msgspec.structs.replace(message, ledger=None)


def planned(nucleus: str, work: float, *faults: str, until_violation: bool = True, clients: int = 2) -> Plan:
    settings = {"trial.work": work, "trial.warmup": 0.0, "trial.quiet": 1.0, "trial.until_violation": until_violation}
    return build(nucleus, faults=faults, settings=settings, clients=clients)


def ended(result: TrialResult) -> str | None:
    (why,) = [row.why for row in read(result.directory).rows if isinstance(row, Trial) and row.state == "ended"]
    return why


def of(result: TrialResult, name: str) -> str:
    return next((verdict.validity for verdict in result.verdicts if verdict.property == name), "not judged")


def test_it_ends_at_the_first_violation_though_a_fault_still_waits_for_its_trigger(run: Run) -> None:
    began = time.monotonic()
    result = run(planned(BROKEN, LONG, "pause-client:at=told"))
    assert time.monotonic() - began < LONG / 2
    assert (result.status, result.harness) == ("invalid", "")
    assert of(result, "mutual-exclusion") == "invalid"
    both = [
        f"a violation was seen: {names} were inside lockquake:lock together" for names in ("c1 and c2", "c2 and c1")
    ]
    assert ended(result) in both
    assert not [row for row in read(result.directory).rows if isinstance(row, Fault)], "none took place"


def test_a_fault_in_force_is_healed_and_recovery_is_not_held_against_the_lock(run: Run) -> None:
    """c1 stands still for longer than the trial may take; the other two meet, but not before that."""
    began = time.monotonic()
    result = run(planned(LATE, LONG, f"pause-client:for={LONG}s,client=c1", clients=3))
    assert time.monotonic() - began < LONG / 2
    assert (result.status, result.harness) == ("invalid", "")
    rows = read(result.directory).rows
    assert [row.state for row in rows if isinstance(row, Fault)] == ["asked", "proven", "heal-asked", "healed"]
    assert [row.state for row in rows if isinstance(row, Client) and row.client == "c1"] == [
        "started",
        "paused",
        "resumed",
    ]
    assert str(ended(result)).startswith("a violation was seen: ")
    assert of(result, "recovery") in {"valid", "unknown"}
    assert of(result, "orphan") in {"valid", "unknown"}


def test_unless_it_is_asked_for_a_violation_ends_nothing(run: Run) -> None:
    result = run(planned(BROKEN, 0.6, until_violation=False))
    assert (result.status, ended(result)) == ("invalid", None)
    marks = [row.state for row in read(result.directory).rows if isinstance(row, Trial)]
    assert marks == ["started", "quiet", "ended"]


def test_a_lock_that_holds_is_tried_for_the_whole_time(run: Run) -> None:
    result = run(planned(SOUND, 0.6))
    assert (of(result, "mutual-exclusion"), ended(result)) == ("valid", None)


def test_a_violation_that_the_whole_history_does_not_show_is_our_mistake(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = Meeting("k", 1, (Inside("c1", "c1-1", 0), Inside("c2", "c2-1", 1)))
    monkeypatch.setattr(InsideScan, "feed", lambda scan, row: setattr(scan, "found", made_up))
    result = run(planned(SOUND, LONG))
    assert result.status == "harness error"
    assert "the whole history does not show it" in result.harness


def test_the_command_line_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[Plan] = []
    monkeypatch.setattr(run_module, "_run_all", lambda given, *rest: plans.extend(given))
    for flag in ([], ["--until-violation"]):
        with pytest.raises(SystemExit):
            main(["run", BROKEN, "--runs", str(tmp_path), "--times", "2", *flag])
    assert [plan.until_violation for plan in plans] == [False, False, True, True]
