"""Work that grows with the square of a history: counted, not timed. And the counts it leads to are right."""

from __future__ import annotations

import pytest

from checker import check
from checker.report.text import summary
from histories.build import MS, Story
from histories.columns import Call, Calls
from histories.history import History
from histories.spec import Spec


def _all_inside(holds: int) -> History:
    story = Story(Spec())
    for number in range(holds):
        story.hold(f"c{number}", number, number + 0.5, until=holds + number)
    return story.history()


def _made(monkeypatch: pytest.MonkeyPatch, history: History) -> int:
    """How many calls are made into objects for the report."""
    made = 0
    original = Calls.call

    def counted(self: Calls, row: int) -> Call:
        nonlocal made
        made += 1
        return original(self, row)

    verdicts = check(history)
    with monkeypatch.context() as patch:
        patch.setattr(Calls, "call", counted)
        summary(history, verdicts)
    return made


def test_a_picture_makes_as_many_objects_of_a_small_crowd_as_of_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < _made(monkeypatch, _all_inside(400)) <= _made(monkeypatch, _all_inside(40)) + 10


def test_faults_beyond_a_few_are_told_as_a_number() -> None:
    story = Story(Spec())
    for number in range(60):
        story.hold("AB"[number % 2], 10 * number, 10 * number + 1, until=10 * number + 5)
        if number < 50:
            story.fault("pause", 10 * number + 2, 10 * number + 3, "n")
    verdict = check(story.trial(0, 1000).history(), ["mutual-exclusion"])[0]
    assert verdict.validity == "valid"
    assert verdict.reason is not None
    assert verdict.reason.endswith("; 30 more faults likewise")


def test_a_release_that_frees_two_keys_is_one_foreign_release() -> None:
    story = Story(Spec())
    story.hold("C", 0, 1, until=2, owner="c")
    for client, t in (("A", 10), ("B", 12)):
        story.acquire(client, t, t + 1, owner=client).began(t + 1, f"n{client}", client)
    story.release("C", 2000, 2010, attempt="C-1")
    story.ended(2005, "nA", "A", "deleted").ended(2006, "nB", "B", "deleted").trial(0, 4000)
    verdict = check(story.history(), ["owner-safe-release"])[0]
    assert (verdict.kind, verdict.figures["foreign_releases"]) == ("foreign-release", 1)


def test_a_call_at_time_zero_does_not_meet_a_later_run() -> None:
    story = Story(Spec())
    story.hold("B", 0, 1, until=2).hold("A", 100, 101, until=120).run("A", 105, 110).trial(0, 200)
    verdict = check(story.history(), ["single-runner"])[0]
    assert verdict.validity == "unknown"
    assert verdict.reason is not None
    assert "nobody else ran or asked to run" in verdict.reason


@pytest.mark.parametrize("axis", [182_767.0, 1_000_000.0])
def test_the_times_under_a_late_picture_differ(axis: float) -> None:
    story = Story(Spec(lease_ns=1000 * MS)).trial(0, axis + 10)
    story.hold("A", axis, axis + 0.1, until=axis + 0.9).hold("B", axis + 0.2, axis + 0.3, until=axis + 0.8)
    history = story.history()
    text = summary(history, check(history))
    axis_line = next(line for line in text.splitlines() if line.startswith(" " * 15) and "+" in line)
    times = axis_line.split("+")[1:]
    assert len(times) > 2
    assert len(times) == len({time.strip() for time in times})
