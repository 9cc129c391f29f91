"""Whether two histories are the same, to the bytes of their columns."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from histories.columns import Call, Calls
from histories.history import History
from histories.labels import Labels, Texts


def calls_of(history: History) -> list[Call]:
    """All calls, as objects."""
    return [history.calls.call(row) for row in range(len(history.calls))]


def same_columns(one: Calls, other: Calls) -> bool:
    """Whether all columns have the same type, length and contents."""
    return all(_same(getattr(one, field.name), getattr(other, field.name)) for field in fields(Calls))


def same(one: History, other: History) -> bool:
    """Whether header, calls, rows and remarks are the same."""
    parts = ("header", "rows", "remarks")
    return all(getattr(one, name) == getattr(other, name) for name in parts) and same_columns(one.calls, other.calls)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Labels):
        return _same(one.keys, other.keys) and _same(one.prefixes, other.prefixes)
    if isinstance(one, Texts):
        return _same(one.offsets, other.offsets) and _same(one.data, other.data)
    return bool(one.dtype == other.dtype and np.array_equal(one, other))
