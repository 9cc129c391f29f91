"""A text picture of a violation for a CI log: at most 12 lanes, 100 columns, plain ASCII unless asked otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from checker.case import MS, Case
from checker.report.harmless import one_line
from checker.report.lanes import scene
from checker.report.scenery import Bar, Lane, Scene
from checker.verdict import Verdict

WIDTH = 100
LABEL = 14
COLUMNS = WIDTH - LABEL - 1

ASCII: Mapping[str, str] = {
    "waiting": ".", "inside": "=", "paused": "-", "overlap": "#", "fault": "~", "key": ":", "granted": "[",
    "released": ">", "killed": "X", "left": ")", "end": "]", "lease": "|", "told": "!", "write": "w",
    "refused": "/", "ended": "|", "tick": "'", "crowd": "#", "effect": "$", "woken": "^", "run": "*",
    "accepted": "+", "rejected": "x", "call": "=", "called": "[", "answered": "]",
}  # fmt: skip
UNICODE: Mapping[str, str] = {
    **ASCII, "waiting": "·", "inside": "━", "paused": "╌", "overlap": "▒", "fault": "░", "granted": "┣",
    "released": "▶", "killed": "✗", "left": "┫", "lease": "┃", "key": "┈", "ended": "╵", "crowd": "▒", "call": "━",
    "called": "┣", "answered": "┫",
}  # fmt: skip
MEANING = {
    "granted": "granted", "inside": "inside", "paused": "inside, process paused", "overlap": "two inside",
    "waiting": "waiting", "lease": "lease certain until here", "told": "told of the loss", "write": "writes",
    "released": "calls release", "left": "leaves", "killed": "killed", "refused": "refused", "fault": "fault in force",
    "key": "key on the server", "crowd": "too many inside", "effect": "effect at the resource", "woken": "woken",
    "run": "job runs", "accepted": "accepts", "rejected": "rejects", "called": "called", "answered": "answered",
}  # fmt: skip


def picture(case: Case, verdict: Verdict, *, unicode: bool = False) -> str:
    """The picture of a violation; empty where its witness holds nothing that can be drawn."""
    seen = scene(case, verdict)
    return "" if seen is None else "\n".join(_lines(seen, UNICODE if unicode else ASCII))


def _lines(seen: Scene, glyphs: Mapping[str, str]) -> Iterator[str]:
    yield from _axis(seen, glyphs)
    used: set[str] = set()
    for lane in seen.lanes:
        label = one_line(lane.label)
        label = label if len(label) <= LABEL else label[: LABEL - 1] + "~"
        yield f"{label:<{LABEL}} {_draw(seen, lane, glyphs, used)}".rstrip()
    if seen.left_out:
        yield f"{'':<{LABEL}} and {seen.left_out} more clients"
    yield from _legend(glyphs, used)


def _column(seen: Scene, t: int) -> int:
    """The column of a moment, beyond the edges where it lies outside."""
    return (t - seen.start) * (COLUMNS - 1) // max(1, seen.end - seen.start)


def _axis(seen: Scene, glyphs: Mapping[str, str]) -> Iterator[str]:
    """Round times since the trial began, and a line of ticks under them."""
    step = _round_step((seen.end - seen.start) / 9)
    times, ticks = [" "] * COLUMNS, [" "] * COLUMNS
    at, free = -(-(seen.start - seen.origin) // step) * step + seen.origin, 0
    while at <= seen.end:
        column, text = _column(seen, at), f"+{_ms(at - seen.origin)} ms"
        if free <= column <= COLUMNS - len(text):
            times[column : column + len(text)] = text
            ticks[column] = glyphs["tick"]
            free = column + len(text) + 1
        at += step
    yield f"{'':<{LABEL}} {''.join(times)}".rstrip()
    yield f"{'':<{LABEL}} {''.join(ticks)}".rstrip()


def _ms(ns: int) -> str:
    """A time in ms with all its digits, so that neighbours late in a trial are told apart."""
    return f"{ns / MS:.6f}".rstrip("0").rstrip(".")


def _round_step(ns: float) -> int:
    """1, 2 or 5 times a power of ten, at least ``ns``."""
    step = 1
    while step < ns:
        for factor in (2, 5, 10):
            if step * factor >= ns:
                return step * factor
        step *= 10
    return step


def _draw(seen: Scene, lane: Lane, glyphs: Mapping[str, str], used: set[str]) -> str:
    canvas = [" "] * COLUMNS
    texts: list[Bar] = []
    for bar in lane.bars:
        span = range(max(0, _column(seen, bar.start)), min(COLUMNS - 1, _column(seen, bar.end)) + 1)
        if bar.fill and span:
            used.add(bar.fill)
            canvas[span.start : span.stop] = glyphs[bar.fill] * len(span)
        if bar.text:
            texts.append(bar)
    for mark in lane.marks:
        column = _column(seen, mark.t)
        if 0 <= column < COLUMNS:
            used.add(mark.glyph)
            canvas[column] = glyphs[mark.glyph]
    for bar in texts:
        _write_into(canvas, seen, bar)
    return _with_aside("".join(canvas).rstrip(), lane.aside)


def _write_into(canvas: list[str], seen: Scene, bar: Bar) -> None:
    """A bar's text: after its first column where that fits, else right of it."""
    text = one_line(bar.text)
    first, last = max(0, _column(seen, bar.start)) + 1, min(COLUMNS - 1, _column(seen, bar.end))
    if last - first >= len(text):
        canvas[first : first + len(text)] = text
    elif bar.fill == "fault" and last + 1 + len(text) < COLUMNS:
        canvas[last + 1 : last + 1 + len(text)] = text


def _with_aside(line: str, aside: str) -> str:
    text = one_line(aside)
    return f"{line} {text}" if text and len(line) + 1 + len(text) <= COLUMNS else line


def _legend(glyphs: Mapping[str, str], used: set[str]) -> Iterator[str]:
    words = [f"{glyphs[name]} {meaning}" for name, meaning in MEANING.items() if name in used]
    line = ""
    for word in words:
        if line and len(line) + 3 + len(word) > COLUMNS:
            yield f"{'':<{LABEL}} {line}"
            line = ""
        line = f"{line}   {word}" if line else word
    if line:
        yield f"{'':<{LABEL}} {line}"
