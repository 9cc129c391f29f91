"""Updates that were lost: writes that overwrote what their writer had not read.

A write is taken for "read, compute, write": the attempt's latest read before it is what it was computed from. Each
counter of the ledger has its own values; those of a named one are ``{NAME: value}``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from operator import itemgetter
from typing import Any

from checker.case import Case
from checker.resources import counter_of, read_counters
from histories.rows import Ledger

Reads = dict[tuple[str, str, str], list[tuple[int, Any]]]
"""By client, attempt and counter: when a read returned (ns) and what it gave, in order of time."""


def lost(case: Case) -> list[tuple[Ledger, Ledger]] | None:
    """(the write that was overwritten unseen, the one that did it), in the ledger's order for each counter; None where
    the values do not tell."""
    reads, begun = _reads(case), _begun(case)
    found, known = [], False
    for counter, rows in read_counters(case.ledger).items():
        for before, row in zip([None, *rows], rows, strict=False):
            read = reads.get((row.client, row.attempt, counter), [])
            seen = bisect_right(read, begun.get((row.client, row.attempt, repr(row.value)), row.t), key=itemgetter(0))
            if seen and before is not None:
                known = True
                if read[seen - 1][1] != before.value:
                    found.append((before, row))
    return found if known else None


def _reads(case: Case) -> Reads:
    reads: Reads = defaultdict(list)
    for call in case.made(case.calls.is_op("read") & case.calls.ended("ok")):
        reads[call.client, call.attempt, counter_of(call.value)].append((call.ret, call.value))
    for read in reads.values():
        read.sort(key=itemgetter(0))
    return reads


def _begun(case: Case) -> dict[tuple[str, str, str], int]:
    """When the calls of writes began (ns), by client, attempt and value."""
    return {(c.client, c.attempt, repr(c.value)): c.inv for c in case.made(case.calls.is_op("write"))}
