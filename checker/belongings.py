"""Which hold a call belongs to: renewals, releases, re-entrant acquires and what was done at the ledger."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.holds import Holds
from checker.order import begins, by_number_and_time, latest
from histories.columns import Calls

NOBODYS = -1

Ints = NDArray[np.int64]


def belongings(calls: Calls, holds: Holds, rows: NDArray[np.intp]) -> Ints:
    """For these calls of one lock the numbers of their holds, else NOBODYS.

    By the attempt a call names, where that was granted; else, the hold its client is in at the time. Attempts to
    acquire that were not granted belong to none.
    """
    granted = calls.acquires[rows] & calls.ended("ok")[rows]
    t = np.where(granted, calls.ret[rows], calls.inv[rows])
    number = latest_hold(calls.client[rows], t, holds)
    if len(holds) == 0:
        return number
    keys = calls.attempt.keys[rows]
    own = (number != NOBODYS) & (keys == calls.attempt.keys[holds.acquire[number]])
    odd = np.flatnonzero(~own & ~granted & ~calls.acquires[rows])
    number[~own & ~granted] = NOBODYS
    if len(odd):
        open_then = latest_hold(calls.client[rows[odd]], t[odd], holds)
        number[odd] = _of_attempts(calls, holds, keys[odd], _still_in(open_then, t[odd], holds))
    return number


def latest_hold(client: NDArray[np.int32], t: Ints, holds: Holds) -> Ints:
    """The latest hold of the same client that had begun at ``t``, per row."""
    clients = np.concatenate((holds.client, client))
    times = np.concatenate((holds.entered, t))
    order = by_number_and_time(clients, times)  # stable: a hold comes before its own acquire
    number = np.where(order < len(holds), order, NOBODYS)
    found = np.empty(len(number), np.int64)
    found[order] = number[latest((number != NOBODYS) | begins(clients[order]))]
    return found[len(holds) :]


def _still_in(number: Ints, t: Ints, holds: Holds) -> Ints:
    return np.where((number != NOBODYS) & (t <= holds.left[number]), number, NOBODYS)


def _of_attempts(calls: Calls, holds: Holds, asked: Any, otherwise: Ints) -> Ints:
    """The hold of each attempt asked for, or otherwise."""
    granted = np.flatnonzero(calls.acquires & calls.ended("ok"))
    keys = calls.attempt.keys[granted]
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    at = np.maximum(np.searchsorted(ranked, asked, side="right") - 1, 0)
    named = granted[order[at]]
    number = latest_hold(calls.client[named], calls.ret[named], holds)
    return np.where(ranked[at] == asked, number, otherwise)
