"""How long granted acquires waited: quantiles in ms, over the whole trial, outside all fault windows, and in each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checker.case import MS, Case
from checker.verdict import Figure
from checker.windows import Window
from histories.columns import NEVER

QUANTILES = (("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
MOST_FAULTS = 20
"""Of so many faults figures are told one by one (a trial has a few)."""


def named_windows(case: Case) -> list[tuple[str, Window]]:
    """The first windows, each with the name its figures end with: ``f1``, ``f2`` … in order of asking."""
    return [(f"f{number}", window) for number, window in enumerate(case.windows[:MOST_FAULTS], 1)]


def of_case(case: Case) -> dict[str, Figure]:
    """``waiting_median_ms``, ``_p90_``, ``_p99_``, ``_max_``; with faults, the same ending in ``_quiet`` for acquires
    during which no fault was in force at any time, and in ``_f1`` … for those that met that fault's window (from when
    it was asked for to when its heal was proven). An acquire that met two windows counts in both."""
    rows = np.flatnonzero(case.granted)
    inv, ret = case.calls.inv[rows], case.calls.ret[rows]
    waits = (ret - inv) / MS
    figures = _quantiles(waits, "")
    if case.windows:
        figures |= _quantiles(waits[~met_any(case.windows, inv, ret)], "_quiet")
    for name, window in named_windows(case):
        figures |= _quantiles(waits[(window.asked <= ret) & (inv <= window.healed)], f"_{name}")
    return figures


def met_any(windows: list[Window], inv: NDArray[np.int64], ret: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the stretches [inv, ret] met some window; the windows are in order of asking."""
    asked = np.array([window.asked for window in windows], np.int64)
    healed = np.maximum.accumulate(np.array([-NEVER, *(window.healed for window in windows)], np.int64))
    met: NDArray[np.bool_] = healed[np.searchsorted(asked, ret, side="right")] >= inv
    return met


def _quantiles(waits: NDArray[np.float64], suffix: str) -> dict[str, Figure]:
    """Interpolated between neighbours; none where nobody was granted."""
    if len(waits) == 0:
        return {}
    ranked = np.sort(waits)
    figures: dict[str, Figure] = {}
    for name, share in QUANTILES:
        place = share * (len(ranked) - 1)
        below = int(place)
        above = min(below + 1, len(ranked) - 1)
        value = ranked[below] + (place - below) * (ranked[above] - ranked[below])
        figures[f"waiting_{name}_ms{suffix}"] = round(float(value), 3)
    return figures
