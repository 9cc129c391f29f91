"""The figures as a few lines: one per subject and per fault, none left out."""

from __future__ import annotations

from checker import check
from checker.report.numbers import numbers
from checker.verdict import Figure
from checker.windows import Window
from histories.build import Story
from histories.spec import Spec

SHOWN: dict[str, Figure] = {
    "holds": 2,
    "waiting_median_ms": 2.0,
    "waiting_max_ms": 9.0,
    "waiting_median_ms_quiet": 1.0,
    "waiting_median_ms_f1": 3.0,
    "overtakes": 4,
    "availability_percent": 99.5,
    "outages": 1,
    "wakes_per_release": 0.5,
    "recovery_ms_f1": 7.5,
    "recovery_from_injection_ms_f1": "never",
    "overlaps": 0,
    "max_overlap_ms": 0.0,
    "something_new_ms": 5,
}


def test_one_line_per_subject_and_fault() -> None:
    assert list(numbers(SHOWN, [Window("x", "kill-node", 0, targets=["n1"])])) == [
        ("figures", "holds 2, something new ms 5, overlaps 0"),
        ("waiting (ms)", "median 2.0, max 9.0"),
        ("fairness", "overtakes 4"),
        ("herd", "wakes per release 0.5"),
        ("availability", "percent 99.5, outages 1"),
        ("outside faults (ms)", "waiting median 1.0"),
        ("f1 kill-node on n1 (ms)", "waiting median 3.0, granted again 7.5 after its heal, "
                                    "never granted again after its injection"),
    ]  # fmt: skip


def test_overlaps_have_a_line_where_there_are_any() -> None:
    assert list(numbers({"overlaps": 1, "max_overlap_ms": 3.0}, [])) == [
        ("inside together", "overlaps 1, max overlap ms 3.0")
    ]


def test_many_faults_are_cut_short_and_counted() -> None:
    told = list(numbers({f"recovery_ms_f{number}": 1 for number in range(1, 8)}, []))
    assert [subject for subject, _ in told] == ["f1 (ms)", "f2 (ms)", "f3 (ms)", "f4 (ms)", "and"]
    assert told[-1][1] == "as much of 3 more faults"


def test_every_figure_of_a_history_is_told() -> None:
    story = Story(Spec()).trial(0, 1000).hold("A", 0, 1, until=50).hold("B", 2, 60, until=90).wake(55, "B")
    story.read("A", 3, 4, 0).write("A", 5, 6, 1).ledger(6, "A", 1).fault("flush", 20, 30, "n")
    figures = check(story.history(), ["mutual-exclusion"])[0].figures
    told = list(numbers(figures, []))
    assert sum(line.count(",") + 1 for _, line in told) == len(figures) - 2  # of overlaps, but how many
    assert [subject for subject, _ in told][:1] == ["figures"]
