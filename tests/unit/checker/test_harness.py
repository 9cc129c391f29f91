"""Problems of the experiment itself are read from the history alone."""

from __future__ import annotations

import pytest

from checker.harness import harness_problems, not_exercised, unsupported
from histories.build import MS, Story
from histories.rows import Fault, Trial


def problems(story: Story) -> list[str]:
    return harness_problems(story.history())


def fault(t: float, state: str, evidence: str | None = None) -> Fault:
    return Fault(t=round(t * MS), fault="f1", name="kill-node", state=state, targets=["redis-1"], evidence=evidence)  # type: ignore[arg-type]


def ordinary() -> Story:
    return Story(plan={"schedule": [{"name": "kill-node"}]}).trial(0, 100).hold("A", 0, 1, until=9)


def test_a_fault_proven_and_healed_is_in_order() -> None:
    assert problems(ordinary().fault("kill-node", 10, 20, "redis-1")) == []


def test_asked_for_and_never_proven() -> None:
    (problem,) = problems(ordinary().add(fault(10, "asked"), fault(20, "heal-asked"), fault(21, "healed")))
    assert "never proven" in problem
    assert "kill-node" in problem


@pytest.mark.parametrize(("state", "word"), [("unproven", "still answers"), ("unhealed", "still answers")])
def test_what_the_probe_saw_is_told(state: str, word: str) -> None:
    (problem,) = problems(ordinary().add(fault(10, "asked"), fault(11, "proven"), fault(20, state, "it still answers")))
    assert state in problem
    assert word in problem


def test_not_healed() -> None:
    (problem,) = problems(ordinary().fault("kill-node", 10, None, "redis-1"))
    assert "not healed: its heal was never asked for" in problem
    (problem,) = problems(ordinary().add(fault(10, "asked"), fault(11, "proven"), fault(12, "heal-asked")))
    assert "its heal was never proven" in problem


def test_a_trial_that_was_cut_short() -> None:
    story = Story().add(Trial(t=0, state="started")).hold("A", 0, 1, until=9)
    assert "did not come to its end" in problems(story)[0]
    assert problems(Story().hold("A", 0, 1, until=9)) == []
    assert "interrupted" in problems(Story().trial(0, 50, "interrupted"))[0]


def test_what_the_runner_wrote_down_is_repeated() -> None:
    assert problems(Story().trial(0, 50, "harness error: a client died")) == ["a client died"]


def test_an_observer_that_was_blind_everywhere_all_the_time() -> None:
    story = Story().trial(10, 50).blind(0, None, "redis-1")
    assert "blind on redis-1" in problems(story)[0]
    assert problems(story.role(5, "redis-2", "primary")) == []
    assert problems(Story().trial(10, 50).blind(20, None, "redis-1")) == []


def test_a_fault_of_the_plan_that_never_began() -> None:
    assert "kill-node of the plan never began" in not_exercised(ordinary().history())[0]
    assert not_exercised(ordinary().fault("kill-node", 10, 20, "redis-1").history()) == []
    assert not_exercised(Story().trial(0, 50, "not exercised: no client reached it").history()) == [
        "no client reached it"
    ]
    assert not_exercised(Story().hold("A", 0, 1, until=9).history()) == []


def test_unsupported_is_no_harness_problem() -> None:
    story = Story(plan={"schedule": [{"name": "kill-node"}]}).trial(0, 50, "unsupported: no replica")
    story.add(fault(10, "asked"), fault(20, "heal-asked"), fault(21, "healed"))
    assert unsupported(story.history()) == ["no replica"]
    assert problems(story) == []
    assert not_exercised(story.history()) == []
