"""A mutex without owners: anybody may release it (CHECKERS §2).

Most locks are used as if they had owners, so first each is read as an owner mutex: an order of operations that has one
holder at a time, each of whom releases itself, is legal here too. The merge decides the locks for which that fails.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checker.linear.findings import Findings
from checker.linear.line import Line, on_one_line
from checker.linear.merge import merge
from checker.linear.operations import Answers, N, Operations
from checker.linear.owner_mutex import certain_holds, judge_refusals
from checker.linear.refusals import tries_between
from checker.order import Rows


def anonymous_mutex(operations: Operations) -> Answers:
    """Which locks' operations are not those of an anonymous mutex that begins free, and why. Exact.

    A witness has the rows of ``operations``: see :func:`checker.linear.merge.merge`.
    """
    if len(operations) == 0:
        return {}
    line = on_one_line(operations)
    answers = {}
    for lock in _not_like_owned(line).tolist():
        begin, end = line.bounds[lock : lock + 2]
        answer = merge(line.letter[begin:end], line.inv[begin:end], line.ret[begin:end], int(line.never[lock]))
        if answer is not None:
            rows = line.original(begin + np.array(answer.witness))
            answers[int(line.locks[lock])] = replace(answer, witness=tuple(rows.tolist()))
    return answers


def _not_like_owned(line: Line) -> Rows:
    """The locks that may be used in another way than as owned: with each hold released by its owner, every refused try
    right, and every refused release at a moment between two cores. It can be free there if no try was refused there."""
    plain = line.without(N)
    findings = Findings(plain)
    holds, tails = certain_holds(plain, findings)
    refused = judge_refusals(plain, holds, tails, findings)
    told = np.flatnonzero(line.letter == N)
    tried = np.unique(tries_between(plain, holds).zone)
    first, last = holds.reach(line.inv[told], line.ret[told])
    held = last - first < np.searchsorted(tried, last, side="right") - np.searchsorted(tried, first, side="left")
    wrong = np.array(sorted(findings.locks() | refused.keys()), np.intp)
    return np.union1d(wrong, line.lock_of(told[held | (first > last)]))
