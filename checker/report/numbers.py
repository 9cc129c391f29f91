"""The figures of a lock in a few lines: general ones, then one line per subject and per fault."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from checker.verdict import Figure
from checker.windows import Window

GENERAL = "figures"
SUBJECTS = {
    "inside together": re.compile("(?P<word>overlaps|max_overlap_ms|overlapped_ms|double_grants|overstays|unprovens)"),
    "waiting (ms)": re.compile(r"waiting_(?P<word>\w+?)_ms"),
    "fairness": re.compile("(?P<word>overtakes|max_overtaken|jain_index|longest_wait_ms)"),
    "herd": re.compile("(?P<word>wakes|wakes_per_release|max_woken)"),
    "availability": re.compile("availability_(?P<word>percent)|(?P<other>outages|longest_outage_ms)"),
}
"""Which figures go on a line of their own, and under which name there."""

OF_FAULT = re.compile(
    "waiting_(?P<quantile>[a-z0-9]+)_ms_(?P<one>f[0-9]+|quiet)|recovery_(?P<since>.*)ms_(?P<two>f[0-9]+)"
)
MOST_FAULTS = 3


def numbers(figures: Mapping[str, Figure], windows: Sequence[Window]) -> Iterator[tuple[str, str]]:
    """(subject, its figures in words), the general ones first. ``windows``: of the history, in order of asking."""
    told: dict[str, list[str]] = defaultdict(list)
    faults: dict[str, list[str]] = defaultdict(list)
    for key, value in figures.items():
        if match := OF_FAULT.fullmatch(key):
            faults[match["one"] or match["two"]].append(_of_fault(match, value))
        else:
            subject, word = _place(key)
            told[subject].append(f"{word.replace('_', ' ')} {value}")
    if figures.get("overlaps") == 0:
        del told["inside together"]
        told[GENERAL].append("overlaps 0")
    yield from ((subject, ", ".join(told[subject])) for subject in (GENERAL, *SUBJECTS) if told[subject])
    for name in list(faults)[: MOST_FAULTS + 1]:
        yield _fault(name, windows), ", ".join(faults[name])
    if len(faults) > MOST_FAULTS + 1:
        yield "and", f"as much of {len(faults) - MOST_FAULTS - 1} more faults"


def _place(key: str) -> tuple[str, str]:
    for subject, pattern in SUBJECTS.items():
        if match := pattern.fullmatch(key):
            return subject, next(word for word in match.groups() if word)
    return GENERAL, key


def _fault(name: str, windows: Sequence[Window]) -> str:
    if name == "quiet":
        return "outside faults (ms)"
    number = int(name[1:])
    return f"{name} {windows[number - 1].label()} (ms)" if number <= len(windows) else f"{name} (ms)"


def _of_fault(match: re.Match[str], value: Figure) -> str:
    if match["quantile"]:
        return f"{'waiting ' if match['quantile'] == 'median' else ''}{match['quantile']} {value}"
    since = "injection" if match["since"] else "heal"
    return f"never granted again after its {since}" if value == "never" else f"granted again {value} after its {since}"
