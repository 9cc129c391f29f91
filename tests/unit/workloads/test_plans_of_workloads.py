"""What a plan takes from its workload: the invariant for the checker, no warm-up, and pauses for many clients."""

from __future__ import annotations

from histories.spec import Wording
from lockquake.plan import build

SOUND = "redis-set-nx-px@redis-single"


def test_the_spec_says_what_is_at_stake() -> None:
    spec = build(SOUND, workload="red-packet", settings={"workload.budget": 500}).spec()
    assert spec.budgets == {"budget": 500}
    assert spec.wording == {"budget": Wording(taken="paid", over="overspent")}
    assert build(SOUND, workload="single-runner").spec().ticks == {"job": 40}
    usual = build(SOUND).spec()
    assert (usual.budgets, usual.wording, usual.ticks) == ({}, {}, {})


def test_a_workload_that_ends_has_no_warm_up_unless_one_is_asked_for() -> None:
    assert build(SOUND).trial_settings["warmup"] == 0.4
    plan = build(SOUND, workload="flash-sale")
    assert (plan.ends, plan.trial_settings["warmup"]) == (True, 0.0)
    asked = build(SOUND, workload="flash-sale", settings={"trial.warmup": 0.2})
    assert asked.trial_settings["warmup"] == 0.2


def test_many_clients_try_more_rarely_and_wait_longer_for_an_answer() -> None:
    few, many = (build(SOUND, clients=clients).lock_settings for clients in (10, 100))
    assert (few["retry"], few["op_timeout"]) == (0.05, 0.5)
    assert (many["retry"], many["op_timeout"]) == (0.5, 2.0)
    assert build(SOUND, clients=100, settings={"lock.retry": "20ms"}).lock_settings["retry"] == 0.02
    assert "retry" not in build("local@redis-single", clients=100).lock_settings


def test_the_title_names_a_workload_that_is_not_the_usual_one() -> None:
    assert build(SOUND).title == f"{SOUND} × none"
    assert build(SOUND, workload="red-packet").title == f"{SOUND} × none (red-packet)"
