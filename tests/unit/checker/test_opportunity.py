"""Valid must state its opportunity; a trial that gave none is unknown (vacuous), and says why."""

from __future__ import annotations

from checker import Verdict, check
from histories.build import Story
from histories.spec import Spec
from tests.unit.checker.stories import LEASE


def exclusion(story: Story) -> Verdict:
    return check(story.history(), ["mutual-exclusion"])[0]


def taken_turns(spec: Spec = LEASE) -> Story:
    return Story(spec).trial(0, 20_000).hold("A", 0, 2, until=50).hold("B", 60, 62, until=90)


def vacuous(story: Story, word: str) -> None:
    verdict = exclusion(story)
    assert verdict.validity == "unknown", verdict.sentence
    assert (verdict.reason or "").startswith("vacuous: ")
    assert word in (verdict.reason or "")


def test_without_a_fault_two_clients_must_have_held() -> None:
    assert exclusion(taken_turns()).validity == "valid"
    vacuous(Story(LEASE).hold("A", 0, 1, until=9), "only A")
    vacuous(Story(LEASE).acquire("A", 0, 1, "fail"), "nobody ever held")
    vacuous(Story(LEASE), "nobody")


def test_somebody_must_have_held_or_waited_when_the_fault_took_effect() -> None:
    vacuous(taken_turns().fault("kill-node", 200, 900, "n").hold("A", 1000, 1001, until=1010), "held or waited")
    held = taken_turns().fault("kill-node", 200, 900, "n").hold("A", 150, 151, until=990).hold("B", 995, 996, until=999)
    assert exclusion(held).validity == "valid"


def test_another_client_must_have_had_its_chance() -> None:
    """A held all through the window, and nobody else tried until long after the recovery bound."""
    alone = taken_turns().hold("A", 150, 151, until=990).fault("kill-node", 200, 900, "n")
    vacuous(alone.hold("B", 9000, 9001, until=9005), "no other client")


def test_waiting_all_through_the_window_is_a_chance() -> None:
    story = taken_turns().hold("A", 150, 151, until=19_000).fault("kill-node", 200, 900, "n").acquire("B", 180, None)
    verdict = exclusion(story)
    assert verdict.validity == "valid"
    assert "B waited all through kill-node" in verdict.sentence


def test_being_decided_in_the_window_or_soon_after_is_a_chance() -> None:
    held = taken_turns().hold("A", 150, 151, until=990).fault("pause-node", 200, 900, "n")
    assert "while pause-node on n was in force" in exclusion(held.acquire("B", 300, 400, "fail")).sentence
    soon = taken_turns().hold("A", 150, 151, until=990).fault("pause-node", 200, 900, "n")
    assert "100 ms after" in exclusion(soon.acquire("B", 950, 1000)).sentence


def test_an_attempt_of_unknown_end_decides_nothing() -> None:
    held = taken_turns().hold("A", 150, 151, until=990).fault("pause-node", 200, 900, "n")
    vacuous(held.acquire("B", 300, 400, "info"), "no other client")


def test_the_client_that_the_fault_singled_out_is_not_the_other_one() -> None:
    story = taken_turns().acquire("A", 150, 151).fault("pause-client", 200, 3900, "A").paused("A", 200, 3900)
    vacuous(story.acquire("A.2", 3950, 3960, "fail"), "no other client")
    assert exclusion(story.acquire("B", 300, 3000, "fail")).validity == "valid"


def test_every_fault_must_have_had_its_opportunity() -> None:
    story = (
        taken_turns().hold("A", 150, 151, until=990).fault("pause-node", 200, 900, "n").acquire("B", 300, 400, "fail")
    )
    assert exclusion(story).validity == "valid"
    vacuous(story.fault("kill-node", 5000, 6000, "n"), "kill-node")


def test_a_found_overlap_is_never_unknown() -> None:
    story = Story(LEASE).hold("A", 0, 1, until=50).hold("B", 2, 3, until=9).fault("kill-node", 5000, 6000, "n")
    assert exclusion(story).validity == "invalid"


def test_figures_count_holds_waiting_and_lost_updates() -> None:
    story = Story(LEASE).trial(0, 1000)
    story.acquire("A", 0, 4).read("A", 5, 6, 0).acquire("B", 0, 2, "fail").write("A", 7, 8, 1).ledger(8, "A", 1)
    story.release("A", 9, 10).acquire("B", 20, 26).read("B", 27, 28, 0).write("B", 30, 31, 1).ledger(31, "B", 1)
    story.release("B", 40, 41)
    figures = exclusion(story).figures
    assert (
        figures.items()
        >= {
            "holds": 2,
            "clients": 2,
            "refused": 1,
            "indeterminate": 0,
            "grants_per_s": 2.0,
            "waiting_median_ms": 5.0,
            "waiting_max_ms": 6.0,
            "lost_updates": 1,
            "overlaps": 0,
            "max_overlap_ms": 0.0,
            "overlapped_ms": 0.0,
            "lost_updates_per_1000_holds": 500.0,
        }.items()
    )
