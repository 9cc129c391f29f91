"""The goals of the checker's speed, and the figures others published that they are measured by."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

from benchmarks.checker_grid import BASE, MANY_LOCKS, PUBLISHED_ODD, SIZES, WORST, Results, Row, Setting


@dataclass(frozen=True, slots=True)
class Published:
    """A figure of Porcupine v1.3.0: fastest and slowest run (s), resident size (MB), and in words."""

    setting: Setting
    seconds: tuple[float, float]
    megabytes: str
    words: str


_RANDOM = BASE
_FIFO = replace(BASE, grants="fifo")

PUBLISHED = (
    Published(replace(_FIFO, n=10_000), (0.03, 0.03), "23", "0.03"),
    Published(replace(_RANDOM, n=10_000), (0.3, 0.3), "197", "0.3"),
    Published(_FIFO, (0.95, 0.95), "1,509", "0.95"),
    Published(_RANDOM, (36, 47), "17,280", "36–47"),
    Published(MANY_LOCKS, (1.9, 2.1), "460–730", "1.9–2.1"),
    Published(PUBLISHED_ODD, (31, 31), "3,000", "31 (invalid, 26 crashed; with 33 no answer in 120 s)"),
)
"""Out of memory at 18 GB: 10⁶ calls, 10 clients, random grants."""

_LARGEST = replace(BASE, n=SIZES[-1])
_MOST_S, _MOST_MB, _MOST_FILE_S, _MOST_RATIO = 3.0, 1000.0, 15.0, 1.5


def median_of(row: Row, name: str) -> float:
    """The median of one figure of a row."""
    return statistics.median(sample[name] for sample in row.samples)


def ratios(row: Row, other: Row) -> list[float]:
    """How much longer one setting took than another, turn by turn."""
    return [mine["total"] / theirs["total"] for mine, theirs in zip(row.samples, other.samples, strict=True)]


def goals(results: Results) -> list[str]:
    """How the goals came out, one item of a list each."""
    lines = [_times(results, setting, least) for setting, least in ((_RANDOM, 1000), (_FIFO, 100), (MANY_LOCKS, 20))]
    lines += _largest(results)
    for n in SIZES[2:]:
        crashed, none = (results.find(replace(WORST, n=n, crashes=share), "Crashes") for share in (WORST.crashes, 0.0))
        ratio = statistics.median(ratios(crashed, none)) if crashed and none else None
        lines.append(_judged(f"{WORST.crashes:.0%} crashed to none, {n:,} calls", ratio, _MOST_RATIO, " ×"))
    failed = sum(bool(row.failure) for row in results.rows())
    lines.append(f"- no wrong and no undecided answer in {len(results.rows())} settings: {_word(failed == 0)}")
    return lines


def _times(results: Results, setting: Setting, least: float) -> str:
    what = f"{setting.n:,} calls of {setting.clients} clients, {setting.grants} grants, {setting.locks:,} lock(s)"
    name = f"at least {least:,} × Porcupine's published speed, {what}"
    row = results.find(setting)
    if row is None:
        return f"- {name}: not measured"
    fastest = next(one.seconds[0] for one in PUBLISHED if one.setting == setting)
    times, both = (fastest / median_of(row, figure) for figure in ("linear", "total"))
    return f"- {name}: {times:,.0f} × ({both:,.0f} × with mutual exclusion too): {_word(times >= least)}"


def _largest(results: Results) -> list[str]:
    row = results.find(_LARGEST)
    file = next(
        (one for one in results.files.get("binary", []) if one.setting.n == _LARGEST.n and not one.failure), None
    )
    return [
        _judged(f"{_LARGEST.n:,} calls, check only", row and median_of(row, "total"), _MOST_S, " s"),
        _judged(f"{_LARGEST.n:,} calls, check only, peak memory", row and median_of(row, "peak"), _MOST_MB, " MB"),
        _judged(
            f"{_LARGEST.n:,} calls, binary file to verdicts", file and median_of(file, "total"), _MOST_FILE_S, " s"
        ),
    ]


def _judged(name: str, value: float | None, most: float, unit: str) -> str:
    if value is None:
        return f"- {name}: not measured"
    return f"- {name}, at most {most:,g}{unit}: {value:,.2f}{unit}: {_word(value <= most)}"


def _word(met: bool) -> str:
    return "met" if met else "MISSED"
