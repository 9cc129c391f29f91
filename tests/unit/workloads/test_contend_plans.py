"""What a plan of ``contend`` may say, and what is refused before anything starts."""

from __future__ import annotations

import pytest

from faults.grammar import BadArgument
from lockquake.plan import build
from nuclei.platforms.base import Unsupported


def test_a_lock_that_renews_may_be_asked_to() -> None:
    plan = build("redis-set-nx-px@redis-single", settings=["workload.renew=500ms"])
    assert plan.workload_settings["renew"] == 0.5
    assert build("redlock@redis-masters", settings=["workload.renew=1s"]).workload_settings["renew"] == 1


def test_one_that_does_not_is_unsupported_at_once() -> None:
    with pytest.raises(Unsupported, match=r"redis-setnx has no renewal .* leave workload\.renew at 0"):
        build("redis-setnx@redis-single", settings=["workload.renew=1s"])


@pytest.mark.parametrize("setting", ["workload.hold_shape=round", "workload.locks=0", "ledger.timeout=0"])
def test_what_makes_no_sense_is_refused(setting: str) -> None:
    with pytest.raises(BadArgument, match=setting.partition("=")[0].replace(".", r"\.")):
        build("redis-set-nx-px@redis-single", settings=[setting])


def test_several_locks_have_a_counter_each() -> None:
    plan = build("redis-set-nx-px@redis-single", settings=["workload.locks=2"])
    assert plan.stakes().counters == {"lock-1": 0, "lock-2": 0}
