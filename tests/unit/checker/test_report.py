"""The report: snapshots of its exact text, harmless whatever a history holds, and never wider than 100 columns.

``LOCKQUAKE_UPDATE=1 pytest tests/unit/checker/test_report.py`` writes the snapshots again.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import check
from checker.case import cases
from checker.report.harmless import harmless, one_line
from checker.report.picture import picture
from checker.report.text import summary
from histories.build import Story
from histories.rows import Call, Fault, Return, Server
from histories.spec import Spec
from tests.unit.checker.stories import CORPUS, LEASE

SNAPSHOTS = Path(__file__).parent / "snapshots"
SHOWN = [name for name, (_, expected) in CORPUS.items() if "invalid" in expected.verdicts.values()]


def report(story: Story) -> str:
    history = story.history()
    return summary(history, check(history))


@pytest.mark.parametrize("name", CORPUS)
def test_report_is_as_saved(name: str) -> None:
    path = SNAPSHOTS / f"{name}.txt"
    text = report(CORPUS[name][0]()) + "\n"
    if os.environ.get("LOCKQUAKE_UPDATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_every_snapshot_is_compared() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.txt")} == set(CORPUS)


@pytest.mark.parametrize("name", SHOWN)
def test_report_reads_well_in_a_ci_log(name: str) -> None:
    text = report(CORPUS[name][0]())
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100
    assert "Critical path" in text


@pytest.mark.parametrize("name", SHOWN)
def test_picture_shows_the_clients_of_the_witness(name: str) -> None:
    history = CORPUS[name][0]().history()
    verdict = next(verdict for verdict in check(history) if verdict.validity == "invalid")
    for unicode in (False, True):
        drawn = picture(cases(history)[0], verdict, unicode=unicode)
        clients = {event.who for event in verdict.witness if event.row in {"call", "return"}}
        assert all(any(line.startswith(client) for line in drawn.splitlines()) for client in clients)
        assert drawn.isascii() is not unicode


def test_picture_has_at_most_twelve_lanes() -> None:
    story = Story(LEASE).trial(0, 1000)
    for number in range(40):
        story.hold(f"c{number:02}", number, number + 1, until=500 + number)
    history = story.history()
    verdict = check(history)[0]
    lines = picture(cases(history)[0], verdict).splitlines()
    assert sum(line.startswith("c") for line in lines) == 12
    assert any("28 more clients" in line for line in lines)


def test_picture_hatches_the_overlap_and_ticks_the_end_of_the_lease() -> None:
    drawn = report(CORPUS["paused-beyond-lease"][0]())
    lane = next(line for line in drawn.splitlines() if line.startswith("c1 "))
    assert lane.index("[") < lane.index("-") < lane.index("|") < lane.index("#")
    assert "~ pause-client on c1 ~" in drawn
    assert "[1001" in report(CORPUS["session-overstay"][0]())


HOSTILE = "c\x1b[31m1\u202e::error::\r\n::error file=x::gotcha\n##vso[task]\u2066\x00\u200b\ud7ff"


def test_names_from_a_history_cannot_command_the_terminal_or_the_ci() -> None:
    story = Story(Spec(), lock=HOSTILE).trial(0, 100).role(0, HOSTILE, "primary")
    story.hold(HOSTILE, 0, 1, until=50).hold("B\n::warning::", 10, 11, until=20).told(HOSTILE, 15, HOSTILE)
    story.add(Fault(t=5_000_000, fault="f1", name=HOSTILE, state="proven", targets=[HOSTILE], evidence=HOSTILE))
    story.add(Server(t=5_000_000, node=HOSTILE, event="began", key=HOSTILE, owner=HOSTILE, evidence=HOSTILE))
    history = story.history()
    history.remarks.append(HOSTILE)
    text = summary(history, check(history))
    assert harmless_everywhere(text)
    assert "gotcha" in text


def harmless_everywhere(text: str) -> bool:
    hidden = [char for char in text if char != "\n" and not char.isprintable()]
    starts = [line for line in text.split("\n") if line.lstrip().startswith(("::", "##"))]
    return not hidden and not starts


@given(st.text())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_the_text_it_becomes_harmless(text: str) -> None:
    assert harmless_everywhere(harmless(text))
    assert "\n" not in one_line(text)
    assert harmless_everywhere(one_line(text))


def test_ordinary_text_stays_as_it_is() -> None:
    text = "redis-1 × pause-client — 38 ms\n  second line, größer"
    assert harmless(text) == text


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_history_breaks_the_report(data: st.DataObject) -> None:
    """Rows of any story, some of them missing: a verdict and a report come of it all the same, unless a return has
    lost its call, which the reader refuses."""
    story = CORPUS[data.draw(st.sampled_from(sorted(CORPUS)))][0]()
    keep = data.draw(st.lists(st.booleans(), min_size=len(story.rows), max_size=len(story.rows)))
    story.rows = [row for row, kept in zip(story.rows, keep, strict=True) if kept]
    calls = {(row.client, row.call) for row in story.rows if isinstance(row, Call)}
    story.rows = [row for row in story.rows if not isinstance(row, Return) or (row.client, row.call) in calls]
    verdicts = check(story.history())
    assert not [verdict.reason for verdict in verdicts if verdict.reason and "checker failed" in verdict.reason]
    assert harmless_everywhere(summary(story.history(), verdicts))
