"""Lost updates: writes that overwrite what their writers had not read, late ones among them."""

from __future__ import annotations

from typing import Any

import pytest

from checker import Verdict, check
from histories.build import MS, Story
from histories.spec import Spec
from tests.unit.checker.stories_of_harm import late_write

LEASE = Spec(lease_ns=2000 * MS)


def judged(story: Story) -> Verdict:
    (verdict,) = check(story.history(), ["lost-update"])
    return verdict


def turn(story: Story, client: str, at: float, read: Any, write: Any, **ledger: Any) -> Story:
    """One client reads and writes inside."""
    story.acquire(client, at, at + 1).read(client, at + 2, at + 3, read).write(client, at + 4, at + 6, write)
    return story.ledger(at + 5, client, write, **ledger).release(client, at + 7, at + 8)


def test_who_reads_what_it_replaces_loses_nothing() -> None:
    story = turn(turn(turn(Story(LEASE), "A", 0, 0, 1), "B", 100, 1, 2), "A", 200, 2, 3)
    verdict = judged(story)
    assert (verdict.validity, verdict.figures) == ("valid", {"writes": 3, "lost": 0, "late": 0})


def test_a_write_from_an_old_value_is_a_lost_update() -> None:
    story = Story(LEASE).acquire("A", 0, 1).read("A", 2, 3, 0).acquire("B", 0, 4).read("B", 5, 6, 0)
    story.write("A", 7, 9, 1).ledger(8, "A", 1).write("B", 10, 12, 1).ledger(11, "B", 1)
    verdict = judged(story)
    assert (verdict.validity, verdict.kind) == ("invalid", "concurrent-write")
    assert verdict.sentence == "a write by B under lock overwrote an update by A that it had not read"


def test_a_late_write_is_told_from_a_concurrent_one() -> None:
    verdict = judged(late_write())
    assert (verdict.kind, verdict.figures["late"]) == ("late-write", 1)
    assert verdict.sentence == (
        "a write by c1 was under way when c1 left lock, landed 1245 ms later and overwrote 2 updates, the last by c2, "
        "that it had not read; nobody else was inside while it was"
    )
    assert [event.who for event in verdict.witness if event.row == "ledger"] == ["ledger", "ledger"]


def test_a_late_write_that_the_ledger_rejects_does_no_harm() -> None:
    story = Story(Spec(lease_ns=2000 * MS, fenced=True)).acquire("A", 0, 1, fence=1).read("A", 2, 3, 0)
    story.write("A", 4, 20, 1, "info", fence=1).release("A", 21, 22)
    turn(turn(story, "B", 30, 0, 1), "B", 50, 1, 2).ledger(90, "A", 1, 1, accepted=False, attempt="A-1")
    verdict = judged(turn(story, "A", 100, 2, 3))
    assert verdict.validity == "valid"


def test_counters_are_judged_one_by_one() -> None:
    story = turn(turn(Story(LEASE), "A", 0, {"north": 0}, {"north": 1}), "B", 100, {"south": 0}, {"south": 1})
    verdict = judged(turn(turn(story, "A", 200, {"south": 1}, {"south": 2}), "B", 300, {"north": 1}, {"north": 2}))
    assert verdict.validity == "valid"


@pytest.mark.parametrize("spec", [LEASE, Spec(permits=2)])
def test_one_writer_alone_or_several_permits_are_no_occasion(spec: Spec) -> None:
    story = turn(turn(Story(spec), "A", 0, 0, 1), "A", 100, 0, 1)
    assert judged(story).validity == "unknown"
    assert judged(turn(story, "B", 200, 0, 1)).validity == ("unknown" if spec.permits > 1 else "invalid")
