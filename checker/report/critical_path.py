"""The critical path of a violation: its witness as lines, each with its time since the trial began."""

from __future__ import annotations

from collections.abc import Iterator

from checker.report.harmless import one_line
from checker.verdict import Verdict, WitnessEvent

MOST_EVENTS = 40
WIDTH = 100


def critical_path(verdict: Verdict) -> Iterator[str]:
    """One line per event, by true time; the middle is left out where there are too many."""
    events = verdict.witness
    shown = events if len(events) <= MOST_EVENTS else [*events[: MOST_EVENTS // 2], *events[-MOST_EVENTS // 2 :]]
    who = min(30, max((len(one_line(event.who)) for event in shown), default=0))
    for number, event in enumerate(shown):
        if number == MOST_EVENTS // 2 and len(events) > MOST_EVENTS:
            yield f"{'':>14}  ({len(events) - MOST_EVENTS} events left out)"
        yield _line(event, who)


def _line(event: WitnessEvent, width: int) -> str:
    attempt = f" [{event.attempt}]" if event.attempt and event.row == "call" else ""
    text = f"{event.at_ms:>+11.3f} ms  {one_line(event.who):<{width}}  {one_line(event.what + attempt)}"
    return text if len(text) <= 2 * WIDTH else text[: 2 * WIDTH - 3] + "..."
