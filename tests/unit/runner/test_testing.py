"""Controls and demonstrations of the pytest fixture, when the experiment itself fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from checker.verdict import Verdict
from lockquake.testing import Bench, HarnessFailure, Lockquake
from lockquake.trial import TrialResult

BROKEN = Verdict(property="mutual-exclusion", lock="k", validity="invalid", sentence="two inside")


class Scripted(Lockquake):
    """Trials that end as a script says: a status, or None for an experiment that failed."""

    def __init__(self, *script: str | None) -> None:
        super().__init__(Bench("process", 1, Path("runs")), "test_it", "fail")
        self.script = list(script)

    def run(self, *_: Any, **__: Any) -> TrialResult:
        status = self.script.pop(0)
        if status is None:
            raise HarnessFailure("a sentinel was starved")
        result = TrialResult.__new__(TrialResult)
        vars(result).update(status=status, message="", verdicts=[BROKEN] if status == "invalid" else [])
        return result


def test_a_control_whose_experiment_failed_is_repeated_once_and_the_summary_says_so() -> None:
    lockquake = Scripted(None, "valid")
    assert lockquake.keeps("a@b").status == "valid"
    assert lockquake.bench.said == ["test_it repeated a trial after a harness error: a sentinel was starved"]


def test_a_second_failure_of_the_experiment_is_an_error() -> None:
    with pytest.raises(HarnessFailure):
        Scripted(None, None, "valid").keeps("a@b")
    with pytest.raises(HarnessFailure):
        Scripted(None, "valid", None, "invalid").shows("a@b")


def test_a_verdict_of_a_control_is_never_asked_for_twice() -> None:
    lockquake = Scripted("invalid", "valid")
    with pytest.raises(pytest.fail.Exception, match="two inside"):
        lockquake.keeps("a@b")
    assert lockquake.script == ["valid"]


def test_a_demonstration_may_lose_one_of_its_trials() -> None:
    lockquake = Scripted("valid", None, "invalid")
    assert lockquake.shows("a@b") == BROKEN
    assert len(lockquake.bench.said) == 1
