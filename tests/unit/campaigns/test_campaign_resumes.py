"""How a campaign goes about its trials: what is recorded is not run again, nothing begins after the budget, trials add
up to one standing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.verdict import Verdict
from faults.watch import Interrupted
from lockquake import campaign as campaign_module
from lockquake.batch import Stop
from lockquake.campaign import Campaign, CampaignRun, Entry, Outcome, fresh
from lockquake.campaign_record import Record
from lockquake.expectation import Expectation, Standing, overall
from lockquake.judge import Status
from lockquake.plan import Plan
from lockquake.trial import TrialResult
from nuclei.platforms.base import HarnessError

NUCLEUS = "redis-set-nx-px@redis-single"
BROKEN = Verdict(property="mutual-exclusion", validity="invalid", sentence="", kind="overstay")
DEMO = Expectation(verdict="invalid", kind="overstay")
Ending = Callable[[Plan], Status]


class Ran:
    """Stands in for real trials: ``ending`` says what each comes to; ``seeds`` are those that ran."""

    def __init__(self, ending: Ending = lambda plan: "valid") -> None:
        self.ending = ending
        self.seeds: list[int] = []

    def __call__(self, plan: Plan, rigs: Any, path: Path, *_: object) -> TrialResult:
        self.seeds.append(plan.seed)
        status = self.ending(plan)
        return TrialResult(plan, path, status, verdicts=[BROKEN] if status == "invalid" else [])


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    fake = Ran()
    monkeypatch.setattr(campaign_module, "run_one", fake)
    monkeypatch.setattr(campaign_module, "require_supported", lambda plan: None)
    return fake


def run(place: Path, *entries: Entry, stop: Stop | None = None, until: float | None = None) -> list[Outcome]:
    campaign = Campaign(name="c", trial=list(entries), jobs=1)
    with Record(place) as record:
        run = CampaignRun(campaign, "process", record, place, stop or Stop(), lambda text: None, until)
        return run.execute(lambda outcome: None)


def test_so_many_trials_as_were_asked_for_and_only_once(ran: Ran, tmp_path: Path) -> None:
    (first,) = run(tmp_path, Entry(nucleus=NUCLEUS, times=3))
    assert (ran.seeds, first.standing, first.shown, first.earlier) == ([1, 2, 3], "as claimed", 3, 0)
    (again,) = run(tmp_path, Entry(nucleus=NUCLEUS, times=4))
    assert (ran.seeds, again.tries, again.earlier) == ([1, 2, 3, 4], 4, 3)


def test_only_what_changed_is_run_again(ran: Ran, tmp_path: Path) -> None:
    same = Entry(nucleus="redis-setnx@redis-single")
    run(tmp_path, Entry(nucleus=NUCLEUS), same)
    changed, unchanged = run(tmp_path, Entry(nucleus=NUCLEUS, set=["lock.ttl=3s"]), same)
    assert (changed.earlier, unchanged.earlier, len(ran.seeds)) == (0, 1, 3)


def test_a_demonstration_ends_when_it_shows(ran: Ran, tmp_path: Path) -> None:
    ran.ending = lambda plan: "invalid" if plan.seed == 3 else "valid"
    (outcome,) = run(tmp_path, Entry(nucleus=NUCLEUS, expect=DEMO))
    assert (ran.seeds, outcome.standing, outcome.tries, outcome.shown) == ([1, 2, 3], "as claimed", 3, 1)


def test_nothing_begins_after_the_budget(ran: Ran, tmp_path: Path) -> None:
    run(tmp_path, Entry(nucleus=NUCLEUS))
    known, left = run(
        tmp_path, Entry(nucleus=NUCLEUS), Entry(nucleus=NUCLEUS, fault="pause-client"), until=time.monotonic()
    )
    assert (known.standing, left.standing, len(ran.seeds)) == ("as claimed", "not measured", 1)


def test_an_interrupted_campaign_keeps_the_trials_that_ended(ran: Ran, tmp_path: Path) -> None:
    stop = Stop()

    def ending(plan: Plan) -> Status:
        if plan.seed == 2:
            stop.event.set()
        return "valid"

    ran.ending = ending
    with pytest.raises(Interrupted):
        run(tmp_path, Entry(nucleus=NUCLEUS, times=4), stop=stop)
    (outcome,) = run(tmp_path, Entry(nucleus=NUCLEUS, times=4))
    assert (ran.seeds, outcome.earlier) == ([1, 2, 3, 4], 2)


def test_a_cluster_that_does_not_start_is_tried_again_when_the_campaign_goes_on(ran: Ran, tmp_path: Path) -> None:
    def refuse(plan: Plan) -> Status:
        raise HarnessError("no server started")

    ran.ending = refuse
    (failed,) = run(tmp_path, Entry(nucleus=NUCLEUS))
    assert (failed.standing, failed.message, failed.result) == ("harness error", "no server started", None)
    ran.ending = lambda plan: "valid"
    (outcome,) = run(tmp_path, Entry(nucleus=NUCLEUS))
    assert outcome.standing == "as claimed"


@pytest.mark.parametrize(
    ("expected", "standings", "together"),
    [
        (Expectation(), [], "not measured"),
        (Expectation(), ["as claimed", "unknown", "as claimed"], "unknown"),
        (Expectation(), ["unknown", "claim broken", "harness error"], "claim broken"),
        (DEMO, ["not demonstrated", "as claimed", "unknown"], "as claimed"),
        (DEMO, ["as claimed", "claim broken"], "claim broken"),
        (DEMO, ["not demonstrated", "not demonstrated"], "not demonstrated"),
        (Expectation(verdict="any"), ["measured", "harness error"], "harness error"),
    ],
)
def test_trials_stand_together(expected: Expectation, standings: list[Standing], together: Standing) -> None:
    assert overall(expected, standings) == together


def test_what_a_killed_run_left_is_not_written_over(tmp_path: Path) -> None:
    assert fresh(tmp_path / "try-1") == tmp_path / "try-1"
    (tmp_path / "try-1").mkdir()
    (tmp_path / "try-1-2").mkdir()
    assert fresh(tmp_path / "try-1") == tmp_path / "try-1-3"
