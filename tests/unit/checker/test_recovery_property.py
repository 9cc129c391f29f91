"""Recovery after the last heal, and orphans at any time."""

from __future__ import annotations

from histories.build import MS, Story
from histories.spec import Spec
from tests.unit.checker import stories
from tests.unit.checker.judging import judged, validity
from tests.unit.checker.stories import FOREVER, LEASE


def crashed(spec: Spec = LEASE) -> Story:
    """A is killed while it holds; B tried before."""
    story = Story(spec).trial(0, 9000).hold("B", 0, 2, until=5).acquire("A", 8, 10)
    return story.fault("kill-client", 20, 25, "A").client("A", 20, "killed")


def test_recovery_in_time() -> None:
    verdict = judged(crashed().acquire("B", 15, 2100), "recovery")
    assert verdict is not None
    assert verdict.validity == "valid"
    assert verdict.figures["recovery_ms"] == 2075


def test_recovery_too_late() -> None:
    late = crashed().acquire("B", 15, 4500, "fail").acquire("B", 4600, 6000)
    assert validity(late, "recovery") == ("invalid", "late")


def test_recovery_never() -> None:
    never = crashed().acquire("B", 15, 4500, "fail").acquire("B", 4600, None)
    assert validity(never, "recovery") == ("invalid", "never-came-back")


def test_recovery_is_unknown_when_nobody_tried() -> None:
    verdict = judged(crashed(), "recovery")
    assert verdict is not None
    assert verdict.validity == "unknown"
    assert "nobody tried" in (verdict.reason or "")


def test_recovery_is_unknown_when_the_trial_ended_too_soon() -> None:
    story = Story(LEASE).trial(0, 3000).hold("B", 0, 2, until=5).acquire("A", 8, 10)
    story.fault("kill-client", 20, 25, "A").client("A", 20, "killed").acquire("B", 30, None)
    verdict = judged(story, "recovery")
    assert verdict is not None
    assert verdict.validity == "unknown"
    assert "ended" in (verdict.reason or "")


def test_recovery_does_not_count_the_time_somebody_was_inside() -> None:
    story = Story(LEASE).trial(0, 9900).fault("kill-node", 10, 20, "redis-1").hold("A", 0, 2, until=8000)
    assert validity(story.acquire("B", 30, 8100), "recovery") == ("valid", None)


def test_recovery_a_client_that_was_cut_off_has_not_tried() -> None:
    story = crashed().acquire("B", 15, 9000, "fail").fault("partition", 26, 27, "B")
    assert validity(story, "recovery") == ("unknown", None)


def test_recovery_is_not_judged_without_a_fault_or_a_promise() -> None:
    assert validity(stories.quiet(), "recovery") is None
    assert validity(Story(Spec()).fault("kill-node", 1, 2, "n").acquire("A", 5, 6), "recovery") is None


def test_orphan_of_a_dead_client_that_nothing_lapses() -> None:
    story = crashed(FOREVER).acquire("B", 15, 4500, "fail")
    assert validity(story, "orphan") == ("invalid", "never-came-back")


def test_orphan_not_while_somebody_may_own_it() -> None:
    """B, alive, may have got it by an acquire whose reply was lost."""
    story = crashed(FOREVER).acquire("B", 15, 100, "info").acquire("C", 200, 4500, "fail")
    assert validity(story, "orphan") == ("valid", None)
    gone = crashed(FOREVER).acquire("B", 15, 100, "info").client("B", 150, "retired").acquire("C", 200, 4500, "fail")
    assert validity(gone, "orphan") == ("invalid", "never-came-back")


def test_orphan_not_within_the_lease_and_not_while_servers_are_out_of_reach() -> None:
    within = crashed(Spec(lease_ns=8000 * MS, recovery_ns=500 * MS)).acquire("B", 15, 7000, "fail")
    assert validity(within, "orphan") == ("valid", None)
    down = Story(FOREVER).trial(0, 9000).hold("A", 0, 1, until=5).fault("kill-node", 10, 8000, "redis-1")
    assert validity(down.acquire("B", 20, 7000, "fail"), "orphan") == ("valid", None)


def test_orphan_needs_no_fault() -> None:
    story = Story(FOREVER).trial(0, 9000).hold("A", 0, 1, until=5).acquire("B", 10, 8000, "fail")
    assert validity(story, "orphan") == ("invalid", "never-came-back")
    assert validity(Story(FOREVER).trial(0, 10), "orphan") is None


def test_what_did_not_come_in_time_is_unknown_when_the_experiment_went_wrong() -> None:
    story = crashed().acquire("B", 15, 4500, "fail").acquire("B", 4600, None)
    assert validity(story, "recovery") == ("invalid", "never-came-back")
    story.fault("partition", 16, None, "redis-1")
    verdict = judged(story, "recovery")
    assert verdict is not None
    assert verdict.validity == "unknown"
    assert "the experiment itself went wrong: partition" in (verdict.reason or "")
