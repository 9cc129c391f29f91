"""Updates that were lost: writes that overwrote what their writer had not read.

A write is taken for "read, compute, write": the attempt's latest read before it is what it was computed from. Each
counter of the ledger has its own values; those of a named one are ``{NAME: value}``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from checker.case import Case
from checker.resources import counter_of, read_counters
from histories.rows import Ledger

Seen = dict[tuple[int, int, str], list[tuple[int, Any]]]
"""By client and attempt (their keys in the columns) and counter: times (ns), and the values read or written then, in
order of time."""


def lost(case: Case) -> list[tuple[Ledger, Ledger]] | None:
    """(the write that was overwritten unseen, the one that did it), in the ledger's order for each counter; None where
    the values do not tell."""
    calls = case.calls
    reads = _seen(case, calls.is_op("read") & calls.ended("ok"), calls.ret)
    writes = _seen(case, calls.is_op("write"), calls.inv)
    found, known = [], False
    for counter, rows in read_counters(case.ledger).items():
        for before, row in zip([None, *rows], rows, strict=False):
            who = case.record.client_numbers.get(row.client, -1), case.attempt_key(row.attempt), counter
            begun = next((t for t, value in reversed(writes.get(who, [])) if value == row.value), row.t)
            read = reads.get(who, [])
            seen = bisect_right(read, begun, key=itemgetter(0))
            if seen and before is not None:
                known = True
                if read[seen - 1][1] != before.value:
                    found.append((before, row))
    return found if known else None


def _seen(case: Case, chosen: NDArray[np.bool_], times: NDArray[np.int64]) -> Seen:
    calls, seen = case.calls, defaultdict(list)
    for row in np.flatnonzero(chosen).tolist():
        text = calls.value[row]
        value = None if text is None else msgspec.json.decode(text)
        seen[int(calls.client[row]), int(calls.attempt.keys[row]), counter_of(value)].append((int(times[row]), value))
    for told in seen.values():
        told.sort(key=itemgetter(0))
    return seen
